import type { Browser, Transport } from "./browser";
import { report } from "./browser";
import type { ClientFrame, Labels, Row, ServerFrame } from "./protocol";

/** The page's socket, as django-plotly-dash makes it; see docs/protocol.md. */
interface Wsb {
  wsb?: { socket?: Partial<Transport & Pick<EventTarget, "addEventListener">> };
  add_callback(call: Heard): void;
  send(message: object): void;
}

interface Sender {
  add_sender(wsb: Wsb): void;
}

type Heard = (message: unknown) => void;

/** A window of such a page. Who makes `dpd_wsb` looks into `dpd_wsb_pre` for who waits for it. */
interface Page {
  dpd_wsb?: Wsb;
  dpd_wsb_pre?: { callbacks: Heard[]; sender_targets: Sender[] };
  parent: Page;
}

/** As the former Pipe does it: the server may have forgotten us. */
const REPEAT = 10_000;
/** Who makes `dpd_wsb` may tell only the last of those who wait for it. */
const LOOK = 500;
const PATIENCE = 10_000;

const epoch = `~${Math.random().toString(36).slice(2)}`;

/** What the one dispatcher of this page knows. There is no way to take a callback away again. */
let wsb: Wsb | null = null;
let waiting = false;
const sockets = new Set<{ heard: Heard; met: (wsb: Wsb) => void }>();
/** How many messages a channel has had: there are no other offsets. */
const offsets = new Map<string, number>();

function meet(found: Wsb): void {
  if (wsb) return;
  wsb = found;
  for (const { met } of [...sockets]) met(found);
}

/** Listens for `dpd_wsb` in this window and those around it, as far as they are of this site. */
function look(browser: Browser): void {
  const pages: Page[] = [];
  try {
    for (let page = browser as unknown as Page; ; page = page.parent) {
      void page.dpd_wsb; // throws in another site's window
      pages.push(page);
      if (!page.parent || page.parent === page) break;
    }
  } catch {}
  const heardIn = (page: Page) => (message: unknown) => {
    if (!wsb && page.dpd_wsb) meet(page.dpd_wsb);
    // Two windows may have a socket each; ours is one of them.
    if (wsb && wsb === (page.dpd_wsb ?? wsb)) for (const { heard } of [...sockets]) heard(message);
  };
  const found = pages.find(({ dpd_wsb }) => dpd_wsb);
  if (found?.dpd_wsb) {
    found.dpd_wsb.add_callback(heardIn(found));
    meet(found.dpd_wsb);
    return;
  }
  for (const page of pages) {
    page.dpd_wsb_pre ??= { callbacks: [], sender_targets: [] };
    page.dpd_wsb_pre.callbacks.push(heardIn(page));
    page.dpd_wsb_pre.sender_targets.push({ add_sender: meet });
  }
  let looks = 0;
  const again = () => {
    const late = pages.find(({ dpd_wsb }) => dpd_wsb)?.dpd_wsb;
    if (late) meet(late);
    if (wsb) return;
    if (++looks * LOOK === PATIENCE)
      report(
        "Pipes wait for the socket of this page: put {% dash_pipe_messages %} or {% plotly_message_pipe %} in its template.",
      );
    browser.setTimeout(again, LOOK);
  };
  browser.setTimeout(again, LOOK);
}

/**
 * The server's half of the conversation, spoken in the page: frames of version 1 on our side, those of the
 * former Pipe on the other. Nothing is known there of what came before, so nothing is resumed or replayed;
 * and where a message does not say its channel it is for every channel on which its label is listened to.
 */
export default function openBridge(browser: Browser): Transport {
  const labels = new Map<string, Labels>();
  const uid = Math.random().toString(36).slice(2);
  let timer: number | undefined;
  let closed = false;

  const tell = (frame: ServerFrame | object) => socket.onmessage?.({ data: JSON.stringify(frame) });

  const subscribe = (channel: string): void => {
    for (const label of labels.get(channel) ?? [""]) {
      const triplet = { uid: `${uid} ${channel} ${label}`, label, channel_name: channel };
      wsb?.send({ type: "connection_triplet", ...triplet });
    }
  };

  const repeat = (): void => {
    if (closed) return;
    if (socket.readyState === 1) {
      tell({ type: "ping", n: 0 });
      for (const channel of labels.keys()) subscribe(channel);
    }
    timer = browser.setTimeout(repeat, REPEAT);
  };

  const heard = (message: unknown): void => {
    const { type, label, value, channel_name } = (message ?? {}) as Record<string, unknown>;
    if (type !== "pipe.value" || label == null) return;
    for (const [channel, wanted] of labels) {
      if (channel_name != null && channel_name !== channel) continue;
      if (wanted && !wanted.includes(`${label}`)) continue;
      const upto = (offsets.get(channel) ?? 0) + 1;
      offsets.set(channel, upto);
      const row: Row = [upto, `${label}`, value, Date.now() / 1000];
      tell({ type: "messages", channel, epoch, messages: [row], upto });
    }
  };

  const say = (frame: ClientFrame): void => {
    if (frame.type === "unsubscribe") {
      // To leave the group there would take it from the other Pipes of the page as well.
      labels.delete(frame.channel);
    } else if (frame.type === "subscribe") {
      const { channel } = frame;
      labels.set(channel, frame.labels);
      subscribe(channel);
      tell({ type: "subscribed", channel, epoch, offset: offsets.get(channel) ?? 0, recovered: null });
    } else if (frame.type === "replay") {
      const { id, channel } = frame;
      const upto = offsets.get(channel) ?? 0;
      tell({ type: "replayed", id, channel, epoch, messages: [], upto, done: true });
    }
  };

  const inner = () => wsb?.wsb?.socket;
  const opened = () => closed || socket.onopen?.();
  const gone = () => closed || socket.onclose?.({ code: 1006, reason: "" });

  const met = (): void => {
    inner()?.addEventListener?.("open", opened);
    inner()?.addEventListener?.("close", gone);
    repeat();
    if (socket.readyState === 1) opened();
  };

  const part = { heard, met };
  const socket: Transport = {
    onopen: null,
    onmessage: null,
    onclose: null,
    get readyState() {
      return wsb ? (inner()?.readyState ?? 1) : 0;
    },
    send: (text) => say(JSON.parse(text)),
    close() {
      closed = true;
      browser.clearTimeout(timer);
      sockets.delete(part);
    },
  };
  sockets.add(part);
  if (wsb) browser.queueMicrotask(() => closed || met());
  else if (!waiting) {
    waiting = true;
    // The caller sets its handlers first.
    browser.queueMicrotask(() => look(browser));
  }
  return socket;
}
