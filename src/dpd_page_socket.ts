/**
 * The socket of a Django page, for former Pipes in it and in its frames: `window.dpd_wsb`, as the tag
 * `plotly_message_pipe` of django-plotly-dash makes it. See docs/protocol.md.
 */

type Heard = (message: unknown) => void;

interface Pre {
  callbacks: Heard[];
  sender_targets: { add_sender(wsb: object): void }[];
}

interface Triplet {
  type?: unknown;
  uid?: unknown;
}

const LEAST_DELAY = 300;
const MOST_DELAY = 15_000;
const MAX_TRIPLETS = 512;

const page = window as unknown as { dpd_wsb?: object; dpd_wsb_pre?: Pre };

/** A websocket that comes back for ever, unless it is refused; it dispatches `open`, `message` and `close`. */
class Reconnecting extends EventTarget {
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
    this.socket.onclose = ({ code, reason }) => {
      this.dispatchEvent(new CloseEvent("close", { code, reason }));
      if ([4401, 4403, 4406].includes(code)) {
        console.error(`[dash-pipe] ${this.url} refuses this page: ${code} ${reason}.`);
        return;
      }
      const most = Math.min(MOST_DELAY, LEAST_DELAY * 2 ** ++this.attempt);
      setTimeout(() => this.open(), LEAST_DELAY + Math.random() * most);
    };
  }
}

function provide(url: string): void {
  const callbacks: Heard[] = [];
  /** What every Pipe said last: said again to a new connection, without waiting for the next time. */
  const triplets = new Map<unknown, object>();
  const address = new URL(url, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new Reconnecting(address.href);
  const say = (message: object) => socket.send(JSON.stringify(message));

  socket.addEventListener("open", () => triplets.forEach(say));
  socket.addEventListener("message", (event) => {
    let message: unknown;
    try {
      message = JSON.parse((event as MessageEvent).data);
    } catch {
      return;
    }
    for (const call of [...callbacks]) call(message);
  });

  const dpd_wsb = {
    wsb: { socket },
    callbacks,
    add_callback: (call: Heard) => callbacks.push(call),
    send(message: Triplet) {
      if (message.type === "connection_triplet") {
        triplets.delete(message.uid);
        triplets.set(message.uid, message);
        if (triplets.size > MAX_TRIPLETS) triplets.delete(triplets.keys().next().value);
      }
      say(message);
    },
  };
  page.dpd_wsb = dpd_wsb;
  const pre = page.dpd_wsb_pre;
  if (!pre) return;
  callbacks.push(...pre.callbacks);
  for (const target of pre.sender_targets) target.add_sender(dpd_wsb);
  pre.callbacks = [];
  pre.sender_targets = [];
}

const url = document.querySelector<HTMLMetaElement>("meta[name=dash-pipe-url]")?.content;
if (url && !page.dpd_wsb) provide(url);
