/**
 * The socket of a Django page, for Pipes of django-plotly-dash in it and in its frames: `window.dpd_wsb`, as the
 * tag `plotly_message_pipe` of django-plotly-dash makes it. See docs/protocol.md.
 */

import { websocketUrl } from "./address";

type OnMessage = (message: unknown) => void;

/** Those who wait for `dpd_wsb`. */
interface Waiting {
  callbacks: OnMessage[];
  sender_targets: { add_sender(socket: object): void }[];
}

interface Triplet {
  type?: unknown;
  uid?: unknown;
}

/** In milliseconds. */
const MIN_DELAY = 300;
const MAX_DELAY = 15_000;
const MAX_TRIPLETS = 512;
const REJECTED = [4401, 4403, 4406];

const page = window as unknown as { dpd_wsb?: object; dpd_wsb_pre?: Waiting };

/** A websocket that reconnects until the server rejects it. Dispatches `open`, `message` and `close`. */
class ReconnectingSocket extends EventTarget {
  private attempt = 0;
  private socket!: WebSocket;

  constructor(private readonly url: string) {
    super();
    this.open();
  }

  get readyState(): number {
    return this.socket.readyState;
  }

  send(text: string): void {
    if (this.readyState === 1) this.socket.send(text);
  }

  private open(): void {
    this.socket = new WebSocket(this.url);
    this.socket.onopen = () => {
      this.attempt = 0;
      this.dispatchEvent(new Event("open"));
    };
    this.socket.onmessage = ({ data }) => this.dispatchEvent(new MessageEvent("message", { data }));
    this.socket.onclose = ({ code, reason }) => this.handleClose(code, reason);
  }

  private handleClose(code: number, reason: string): void {
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
    if (REJECTED.includes(code)) {
      console.error(`[dash-pipe] connection rejected by ${this.url}: ${code} ${reason}.`);
      return;
    }
    const range = Math.min(MAX_DELAY, MIN_DELAY * 2 ** ++this.attempt);
    setTimeout(() => this.open(), MIN_DELAY + Math.random() * range);
  }
}

/** `window.dpd_wsb`. The names of its public members are those of django-plotly-dash. */
class PageSocket {
  readonly callbacks: OnMessage[] = [];
  readonly wsb: { socket: ReconnectingSocket };
  /** The last triplet of each Pipe. A new connection gets them at once. */
  private readonly triplets = new Map<unknown, object>();

  constructor(url: string) {
    const socket = new ReconnectingSocket(websocketUrl(url, location.href));
    this.wsb = { socket };
    socket.addEventListener("open", () => {
      for (const triplet of this.triplets.values()) socket.send(JSON.stringify(triplet));
    });
    socket.addEventListener("message", (event) => this.handleMessage((event as MessageEvent).data));
  }

  readonly add_callback = (call: OnMessage): number => this.callbacks.push(call);

  readonly send = (message: Triplet): void => {
    if (message.type === "connection_triplet") this.keep(message);
    this.wsb.socket.send(JSON.stringify(message));
  };

  private keep(triplet: Triplet): void {
    const { triplets } = this;
    triplets.delete(triplet.uid);
    triplets.set(triplet.uid, triplet);
    if (triplets.size > MAX_TRIPLETS) triplets.delete(triplets.keys().next().value);
  }

  private handleMessage(data: string): void {
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    for (const call of [...this.callbacks]) call(message);
  }
}

/** Provide `window.dpd_wsb`, and hand it to those who wait for it. */
function provide(url: string): void {
  const socket = new PageSocket(url);
  page.dpd_wsb = socket;
  const waiting = page.dpd_wsb_pre;
  if (!waiting) return;
  socket.callbacks.push(...waiting.callbacks);
  for (const target of waiting.sender_targets) target.add_sender(socket);
  waiting.callbacks = [];
  waiting.sender_targets = [];
}

const url = document.querySelector<HTMLMetaElement>("meta[name=dash-pipe-url]")?.content;
if (url && !page.dpd_wsb) provide(url);
