import {
  type Browser,
  type LoadTransport,
  type OpenTransport,
  report,
  type Transport,
  type TransportModule,
} from "./browser";
import { type ClientFrame, decode, encode, type ServerFrame, SUBPROTOCOL } from "./protocol";

const CONNECT = 10_000;
const MIN_DELAY = 300;
const MAX_DELAY = 15_000;
/** Of so many heartbeats one may come late before the link counts as dead. */
const PATIENCE = 1.6;
/** Closed for what this browser did or for want of room: not a restart that all browsers see at once. */
const SHARED = [1001, 1006, 1012];

export interface Socket {
  readonly ready: boolean;
  /** Why it was refused for good; empty where it was not. */
  readonly refused: string;
  /** The server answers, but not on a websocket. */
  readonly polling: boolean;
  send(frame: ClientFrame): void;
  end(): void;
}

/** Whom a link tells what happens to it. */
export interface SocketHandlers {
  opened(): void;
  heard(frame: ServerFrame): void;
  closed(): void;
}

const openWebsocket: OpenTransport = (browser, url, subprotocol) => new browser.WebSocket(url, subprotocol);
/** What has been loaded, by its file: it opens another kind of socket, for all links of its kind. */
const openers: Record<string, OpenTransport> = {};

/** A websocket, or what stands in for it, that comes back for ever, unless it is refused for good. */
export function openSocket(url: string, browser: Browser, load: LoadTransport, ear: SocketHandlers): Socket {
  const now = () => browser.performance.now();
  let socket: Transport | null = null;
  const file = url.startsWith("dpd:") ? "dpd_bridge" : "fallback";
  // 0 once the server has answered a subscribe: that is more than a socket that opens and closes.
  let attempt = 1;
  let spread = 0;
  let heartbeat = 25;
  let lastHeard = 0;
  // One timer is enough: it bounds the handshake, then the silence, then the wait for the next attempt.
  let timer: number | undefined;

  const alarm = (ms: number, call: () => void): void => {
    browser.clearTimeout(timer);
    timer = browser.setTimeout(call, ms);
  };

  const hangUp = (): void => {
    const old = socket;
    socket = null;
    link.ready = false;
    browser.clearTimeout(timer);
    if (!old) return;
    old.onopen = old.onmessage = old.onclose = null;
    old.close();
  };

  const refuse = (reason: unknown): void => {
    link.refused = `denied by ${url}: ${reason}`;
    hangUp();
    ear.closed();
  };

  const closed = (code: number, reason: string) => {
    // Refused for good; the reason says what to do.
    if (code > 4400 && code < 4408) return refuse(`${code} ${reason}`);
    const backoff = Math.min(MAX_DELAY, MIN_DELAY * 2 ** (attempt || 1)) - MIN_DELAY;
    const most = !attempt && SHARED.includes(code) ? spread * 1000 : backoff;
    attempt++;
    if (!openers[file] && (attempt > 2 || file === "dpd_bridge")) {
      // For the next attempt that finds it loaded. Where it can't be loaded, the server is not there.
      const loaded = (module: TransportModule) => {
        openers[file] = module.default;
      };
      load(attempt, file).then(loaded, () => {});
    }
    hangUp();
    alarm(MIN_DELAY + browser.Math.random() * most, open);
    ear.closed();
  };

  /** By the clock, not by the timer: a hidden tab's timers are late. */
  const check = (): void => {
    const left = lastHeard + (link.ready ? heartbeat * 1000 * PATIENCE : CONNECT) - now();
    if (left > 0) alarm(left, check);
    else closed(1006, "");
  };

  const send = (frame: ClientFrame): void => {
    if (socket?.readyState === 1) socket.send(encode(frame));
  };

  const receive = (data: unknown) => {
    lastHeard = now();
    const frame = decode(data);
    if (typeof frame === "string") {
      return report(`${url} sent a malformed frame: ${frame.slice(0, 200)}.`);
    }
    // At once, before anything that could fail: the server waits for it.
    if (frame.type === "ping") send({ type: "pong", n: frame.n });
    if (frame.type === "subscribed") {
      attempt = 0;
      spread = frame.spread ?? spread;
      heartbeat = frame.heartbeat || heartbeat;
      check();
    }
    ear.heard(frame);
  };

  function open(): void {
    lastHeard = now();
    try {
      socket = (openers[file] ?? openWebsocket)(browser, url, SUBPROTOCOL);
    } catch (error) {
      // What is no address of a websocket waits for the file that knows what it is.
      if (file === "dpd_bridge") closed(1006, "");
      else refuse(`${error}; give it another \`url\``);
      return;
    }
    socket.onopen = () => {
      link.ready = true;
      lastHeard = now();
      check();
      ear.opened();
    };
    socket.onmessage = (event) => receive(event.data);
    socket.onclose = (event) => closed(event.code, event.reason);
    check();
  }

  /** The network or the page is back: don't wait for a timer. */
  const look = (): void => {
    if (link.refused) return;
    if (socket) check();
    else open();
  };

  const seen = (): void => {
    if (browser.document.visibilityState === "visible") look();
  };

  const watch = (act: "addEventListener" | "removeEventListener"): void => {
    browser[act]("online", look);
    browser[act]("pageshow", look);
    browser.document[act]("visibilitychange", seen);
  };

  const link = {
    ready: false,
    refused: "",
    get polling() {
      return !attempt && !!socket?.polling;
    },
    send,
    end() {
      watch("removeEventListener");
      hangUp();
    },
  };
  watch("addEventListener");
  open();
  return link;
}
