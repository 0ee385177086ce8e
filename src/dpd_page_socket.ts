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

/** The heartbeat of a server that does not know yet which page this is. */
interface Ping {
  type?: unknown;
  n?: unknown;
}

/** In milliseconds. */
const MIN_DELAY = 300;
const MAX_DELAY = 15_000;
/** How often the newest triplet is repeated: the server takes a page without triplets for gone after 150 s. */
const REPEAT_INTERVAL = 60_000;
/** And after how many characters: the server sends no more than about 64 KiB between two triplets. */
const REPEAT_SIZE = 32 * 1024;
const MAX_TRIPLETS = 512;
const REJECTED = [4401, 4403, 4406];

const page = window as unknown as { dpd_wsb?: object; dpd_wsb_pre?: Waiting };

/**
 * A websocket that opens when it is started, and reconnects until the server rejects it. Dispatches `open`,
 * `message` and `close`.
 */
class ReconnectingSocket extends EventTarget {
  private attempt = 0;
  private socket: WebSocket | undefined;

  constructor(private readonly url: string) {
    super();
  }

  get readyState(): number {
    return this.socket?.readyState ?? 0;
  }

  /** Open the websocket. A second call does nothing. */
  start(): void {
    if (!this.socket) this.open();
  }

  send(text: string): void {
    if (this.readyState === 1) this.socket?.send(text);
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

/**
 * `window.dpd_wsb`. The names of its public members are those of django-plotly-dash. Its websocket opens when the
 * first Pipe needs it: a Pipe with a connection of its own never does.
 */
class PageSocket {
  readonly callbacks: OnMessage[] = [];
  readonly wsb: { socket: ReconnectingSocket };
  /** The last triplet of each Pipe, as JSON. A new connection gets them at once. */
  private readonly triplets = new Map<unknown, string>();
  private newest = "";
  /** Characters that came since the newest triplet was repeated. */
  private received = 0;

  constructor(url: string) {
    const socket = new ReconnectingSocket(websocketUrl(url, location.href));
    this.wsb = { socket };
    socket.addEventListener("open", () => {
      for (const text of this.triplets.values()) socket.send(text);
    });
    socket.addEventListener("message", (event) => this.handleMessage((event as MessageEvent).data));
    setInterval(() => this.repeat(), REPEAT_INTERVAL);
  }

  readonly add_callback = (call: OnMessage): number => {
    this.wsb.socket.start();
    return this.callbacks.push(call);
  };

  readonly send = (message: Triplet): void => {
    this.wsb.socket.start();
    const text = JSON.stringify(message);
    if (message.type === "connection_triplet") this.keep(message, text);
    this.wsb.socket.send(text);
  };

  private keep({ uid }: Triplet, text: string): void {
    const { triplets } = this;
    this.newest = text;
    triplets.delete(uid);
    triplets.set(uid, text);
    if (triplets.size > MAX_TRIPLETS) triplets.delete(triplets.keys().next().value);
  }

  /** Repeat the newest triplet, also when its Pipe has gone: the page is still there. */
  private repeat(): void {
    this.received = 0;
    if (this.newest) this.wsb.socket.send(this.newest);
  }

  private handleMessage(data: string): void {
    this.received += data.length;
    if (this.received >= REPEAT_SIZE) this.repeat();
    let message: Ping | null;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message?.type === "ping") {
      this.wsb.socket.send(JSON.stringify({ type: "pong", n: message.n }));
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
  for (const call of waiting.callbacks) socket.add_callback(call);
  for (const target of waiting.sender_targets) target.add_sender(socket);
  waiting.callbacks = [];
  waiting.sender_targets = [];
}

const url = document.querySelector<HTMLMetaElement>("meta[name=dash-pipe-url]")?.content;
if (url && !page.dpd_wsb) provide(url);
