import {
  type Browser,
  type LoadTransport,
  type OpenTransport,
  report,
  type Transport,
  type TransportModule,
} from "./browser";
import { type ClientFrame, decode, encode, type ServerFrame, SUBPROTOCOL } from "./protocol";

/** All times are in milliseconds, except those that the server names: they are in seconds. */
const CONNECT_TIMEOUT = 10_000;
const MIN_DELAY = 300;
const MAX_DELAY = 15_000;
/** The connection is dead after a silence of this many heartbeats. */
const SILENT_HEARTBEATS = 1.6;
/** Close codes that all browsers see at once, as in a restart. Any other code concerns this browser only. */
const SHARED_CODES = [1001, 1006, 1012];

/** Callbacks of a `Socket`. */
export interface SocketHandlers {
  onOpen(): void;
  onFrame(frame: ServerFrame): void;
  /** The connection was lost. The socket retries, unless `rejection` is set. */
  onClose(): void;
}

const openWebSocket: OpenTransport = (browser, url, subprotocol) => new browser.WebSocket(url, subprotocol);
/** Transports that were loaded, by file name. All sockets of the page share them. */
const loadedTransports: Record<string, OpenTransport> = {};

/** A websocket, or another transport, that reconnects until it is stopped or the server rejects it. */
export class Socket {
  /** True while frames can be sent. */
  ready = false;
  /** Why the socket has stopped retrying; empty while it works or retries. */
  rejection = "";
  private transport: Transport | null = null;
  /** The file of the transport that is used when no websocket can be opened. */
  private readonly file: string;
  /** Failed attempts in a row. Only the answer to a subscribe sets it to 0: a socket may open and close at once. */
  private attempt = 1;
  private spread = 0;
  private heartbeat = 25;
  private lastHeard = 0;
  /** One timer for all: it bounds the handshake, then the silence, then the wait for the next attempt. */
  private timer: number | undefined;

  constructor(
    private readonly url: string,
    private readonly browser: Browser,
    private readonly load: LoadTransport,
    private readonly handlers: SocketHandlers,
  ) {
    this.file = url.startsWith("dpd:") ? "dpd_bridge" : "fallback";
  }

  /** True if the server answers, but only to polls. */
  get polling(): boolean {
    return !this.attempt && !!this.transport?.polling;
  }

  start(): void {
    this.watchPage("addEventListener");
    this.open();
  }

  stop(): void {
    this.watchPage("removeEventListener");
    this.hangUp();
  }

  /** Send a frame. Without an open connection the frame is dropped: subscriptions are sent again on open. */
  send(frame: ClientFrame): void {
    if (this.transport?.readyState === 1) this.transport.send(encode(frame));
  }

  private open(): void {
    this.lastHeard = this.now();
    let transport: Transport;
    try {
      const openTransport = loadedTransports[this.file] ?? openWebSocket;
      transport = openTransport(this.browser, this.url, SUBPROTOCOL);
    } catch (error) {
      // `dpd:` is no websocket address; the file that understands it is being loaded.
      if (this.file === "dpd_bridge") this.handleClose(1006, "");
      else this.reject(`cannot open a websocket to ${this.url}: ${error}; set another \`url\``);
      return;
    }
    this.transport = transport;
    transport.onopen = () => this.handleOpen();
    transport.onmessage = ({ data }) => this.handleMessage(data);
    transport.onclose = ({ code, reason }) => this.handleClose(code, reason);
    this.checkTimeout();
  }

  private handleOpen(): void {
    this.ready = true;
    this.lastHeard = this.now();
    this.checkTimeout();
    this.handlers.onOpen();
  }

  private handleMessage(data: unknown): void {
    this.lastHeard = this.now();
    const frame = decode(data);
    if (typeof frame === "string") {
      report(`malformed frame from ${this.url}: ${frame.slice(0, 200)}.`);
      return;
    }
    // Answer first, before anything that can fail: the server waits for it.
    if (frame.type === "ping") this.send({ type: "pong", n: frame.n });
    if (frame.type === "subscribed") {
      this.attempt = 0;
      this.spread = frame.spread ?? this.spread;
      this.heartbeat = frame.heartbeat || this.heartbeat;
      this.checkTimeout();
    }
    this.handlers.onFrame(frame);
  }

  private handleClose(code: number, reason: string): void {
    if (code > 4400 && code < 4408) {
      this.reject(`connection rejected by ${this.url}: ${code} ${reason}`);
      return;
    }
    const delay = this.nextDelay(code);
    this.attempt++;
    this.loadTransport();
    this.hangUp();
    this.setTimer(delay, () => this.open());
    this.handlers.onClose();
  }

  /** Compute the wait before the next attempt. The first retry after a restart is spread over `spread` seconds. */
  private nextDelay(code: number): number {
    const backoff = Math.min(MAX_DELAY, MIN_DELAY * 2 ** (this.attempt || 1)) - MIN_DELAY;
    const range = !this.attempt && SHARED_CODES.includes(code) ? this.spread * 1000 : backoff;
    return MIN_DELAY + this.browser.Math.random() * range;
  }

  /** Load the other transport for the next attempts. If loading fails, the server is not there: retry later. */
  private loadTransport(): void {
    const { file, attempt } = this;
    if (loadedTransports[file] || (attempt <= 2 && file === "fallback")) return;
    const keep = (module: TransportModule) => {
      loadedTransports[file] = module.default;
    };
    this.load(attempt, file).then(keep, () => {});
  }

  /** Stop retrying. */
  private reject(reason: string): void {
    this.rejection = reason;
    this.hangUp();
    this.handlers.onClose();
  }

  private hangUp(): void {
    const { transport } = this;
    this.transport = null;
    this.ready = false;
    this.browser.clearTimeout(this.timer);
    if (!transport) return;
    transport.onopen = transport.onmessage = transport.onclose = null;
    transport.close();
  }

  /** Close a connection that has timed out. Asks the clock, since timers of a hidden tab are late. */
  private checkTimeout(): void {
    const timeout = this.ready ? this.heartbeat * 1000 * SILENT_HEARTBEATS : CONNECT_TIMEOUT;
    const left = this.lastHeard + timeout - this.now();
    if (left > 0) this.setTimer(left, () => this.checkTimeout());
    else this.handleClose(1006, "");
  }

  private setTimer(ms: number, call: () => void): void {
    this.browser.clearTimeout(this.timer);
    this.timer = this.browser.setTimeout(call, ms);
  }

  private now(): number {
    return this.browser.performance.now();
  }

  /** The network or the page is back: do not wait for the timer. */
  private readonly handleReturn = (): void => {
    if (this.rejection) return;
    if (this.transport) this.checkTimeout();
    else this.open();
  };

  private readonly handleVisibility = (): void => {
    if (this.browser.document.visibilityState === "visible") this.handleReturn();
  };

  private watchPage(method: "addEventListener" | "removeEventListener"): void {
    this.browser[method]("online", this.handleReturn);
    this.browser[method]("pageshow", this.handleReturn);
    this.browser.document[method]("visibilitychange", this.handleVisibility);
  }
}
