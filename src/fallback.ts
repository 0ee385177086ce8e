import { type Browser, type OpenTransport, report, type Transport } from "./browser";
import { PollTransport, requestJson } from "./poll";

/** All times are in milliseconds. A websocket that takes longer has timed out; `socket.ts` waits for 10 s. */
const WEBSOCKET_TIMEOUT = 8000;
/** While polling, a websocket is probed after a minute, then less and less often. */
const MIN_PROBE_DELAY = 60_000;
const MAX_PROBE_DELAY = 960_000;

/** The answer of `_pipe/info`; see docs/protocol.md. */
interface Info {
  websocket: boolean;
  /** Why this server can't open a websocket; empty if it can. */
  reason: string;
  poll: string;
  /** In seconds. */
  interval: number;
}

/** The answer to a page that may not use the endpoint. */
interface Rejection {
  code: number;
}

/** A proxy whose server is away answers with these. */
const AWAY = [502, 503, 504];

/** Why the websocket of a server that can open one did not open, as far as this page knows. */
const BLOCKED =
  "the server can open one, so a proxy or a firewall in between blocks it; have it pass on the headers Upgrade and " +
  "Connection";

const warned = new Set<string>();

/**
 * A transport for pages whose websockets have failed.
 *
 * It asks the server for `_pipe/info`, and closes if there is no answer. If the server can open websockets, it
 * tries one more; if that fails, it polls. While it polls it probes for a websocket. When one opens, it replaces
 * the polling and `onopen` is called again, since the server knows nothing of what was sent before.
 */
class FallbackTransport implements Transport {
  onopen: Transport["onopen"] = null;
  onmessage: Transport["onmessage"] = null;
  onclose: Transport["onclose"] = null;
  polling = false;
  /** The transport in use. */
  private inner: Transport | null = null;
  /** A websocket that has not opened yet. */
  private candidate: Transport | null = null;
  private timer: number | undefined;
  private readonly cancelInfo: () => void;

  constructor(
    private readonly browser: Browser,
    private readonly url: string,
    private readonly subprotocol: string,
  ) {
    const info = this.httpUrl("info");
    this.cancelInfo = requestJson(browser, info, undefined, (answer, status) =>
      this.handleInfo(answer as Info | null, status),
    );
  }

  get readyState(): number {
    return this.inner?.readyState ?? 0;
  }

  send(text: string): void {
    this.inner?.send(text);
  }

  close(): void {
    this.cancelInfo();
    this.browser.clearTimeout(this.timer);
    discard(this.candidate);
    discard(this.inner);
  }

  private httpUrl(name: string): string {
    return new URL(name, this.url).href.replace("ws", "http");
  }

  private handleInfo(info: Info | null, status: number): void {
    if (!info?.interval) {
      if (!(info as Rejection | null)?.code) this.warnOfUrl(status);
      this.onclose?.({ code: 1006, reason: "", ...info });
    } else if (!info.websocket) this.poll(info);
    else {
      this.tryWebSocket(() => this.poll(info));
      this.timer = this.browser.setTimeout(() => this.poll(info), WEBSOCKET_TIMEOUT);
    }
  }

  /** Report, once for each address, that there seems to be no endpoint. A server may also be away for a while. */
  private warnOfUrl(status: number): void {
    const base = this.httpUrl(".");
    const { origin } = this.browser.location;
    const elsewhere = !base.startsWith(`${origin}/`);
    if (AWAY.includes(status) || (!status && !elsewhere) || warned.has(base)) return;
    warned.add(base);
    const answer = status
      ? `${base}info answered HTTP ${status}, unlike an endpoint of dash-pipe`
      : `${base}info did not answer, or that server's setting allowed_origins lacks ${origin}`;
    report(
      `no endpoint at ${base}: no websocket opened at ${this.url}, and ${answer}. Expected the base of an ` +
        "endpoint, which ends with _pipe/: check the Pipe's `url`, or the setting `url`.",
    );
  }

  /** Try a websocket. The transport in use stays in use until it opens. */
  private tryWebSocket(onFailure: () => void): void {
    discard(this.candidate);
    const candidate = new this.browser.WebSocket(this.url, this.subprotocol);
    this.candidate = candidate;
    candidate.onopen = () => {
      this.candidate = null;
      this.browser.clearTimeout(this.timer);
      this.polling = false;
      this.use(candidate);
      this.onopen?.();
    };
    candidate.onclose = onFailure;
  }

  private poll({ reason, poll, interval }: Info): void {
    discard(this.candidate);
    this.candidate = null;
    this.browser.clearTimeout(this.timer);
    const cause = reason || BLOCKED;
    if (!warned.has(this.url + cause))
      console.warn(`[dash-pipe] ${this.url}: no websocket, polling every ${interval} s: ${cause}.`);
    warned.add(this.url + cause);
    this.polling = true;
    this.use(new PollTransport(this.browser, this.httpUrl(poll), interval * 1000));
    this.probe(MIN_PROBE_DELAY);
  }

  /** Try a websocket after `delay`, then again after twice that time, and so on. */
  private probe(delay: number): void {
    this.timer = this.browser.setTimeout(() => {
      this.tryWebSocket(() => {});
      this.probe(Math.min(MAX_PROBE_DELAY, 2 * delay));
    }, delay);
  }

  private use(transport: Transport): void {
    discard(this.inner);
    this.inner = transport;
    transport.onopen = () => this.onopen?.();
    transport.onmessage = (event) => this.onmessage?.(event);
    transport.onclose = (event) => this.onclose?.(event);
  }
}

function discard(transport: Transport | null): void {
  if (!transport) return;
  transport.onopen = transport.onmessage = transport.onclose = null;
  transport.close();
}

const openFallback: OpenTransport = (browser, url, subprotocol) =>
  new FallbackTransport(browser, url, subprotocol);

export default openFallback;
