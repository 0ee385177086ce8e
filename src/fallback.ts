import type { Browser, Transport } from "./browser";
import { ask, openPoll } from "./poll";

/** How long a websocket may take before it counts as one that can't be had; `socket.ts` waits for 10 s. */
const TRIAL = 8000;
/** While polling a websocket is tried now and then: at first after a minute, then less often. */
const MIN_PROBE_DELAY = 60_000;
const MAX_PROBE_DELAY = 960_000;

/** What the endpoint says of itself; see docs/protocol.md. */
interface Info {
  websocket: boolean;
  reason: string;
  poll: string;
  /** Seconds. */
  interval: number;
}

const said = new Set<string>();

/**
 * A socket that has another way: for when websockets to `url` have failed, this file is loaded.
 *
 * It asks whether the server is there at all; where it is not, the socket closes. Where it is, a websocket
 * is tried once more, if the server can open one, and then it polls. While it polls it goes on trying, and
 * when a websocket opens after all it takes the place of the polling: `onopen` is called again, for nothing
 * of what was said before is known there.
 */
export default function openFallback(browser: Browser, url: string, subprotocol: string): Transport {
  const beside = (name: string) => new URL(name, url).href.replace("ws", "http");
  let inner: Transport | null = null;
  let trial: Transport | null = null;
  let timer: number | undefined;

  const quit = (socket: Transport | null): void => {
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  };

  const use = (socket: Transport): void => {
    quit(inner);
    inner = socket;
    socket.onopen = () => outer.onopen?.();
    socket.onmessage = (event) => outer.onmessage?.(event);
    socket.onclose = (event) => outer.onclose?.(event);
  };

  /** Tries a websocket; what is in use stays in use until it opens. */
  const tryWebsocket = (failed: () => void): void => {
    quit(trial);
    const socket = new browser.WebSocket(url, subprotocol);
    trial = socket;
    socket.onopen = () => {
      trial = null;
      browser.clearTimeout(timer);
      outer.polling = false;
      use(socket);
      outer.onopen?.();
    };
    socket.onclose = failed;
  };

  const probe = (wait: number): void => {
    timer = browser.setTimeout(() => {
      tryWebsocket(() => {});
      probe(Math.min(MAX_PROBE_DELAY, 2 * wait));
    }, wait);
  };

  const poll = ({ reason, poll, interval }: Info): void => {
    quit(trial);
    trial = null;
    browser.clearTimeout(timer);
    if (!said.has(url + reason)) console.warn(`[dash-pipe] ${url} is polled every ${interval} s: ${reason}.`);
    said.add(url + reason);
    outer.polling = true;
    use(openPoll(browser, beside(poll), interval * 1000));
    probe(MIN_PROBE_DELAY);
  };

  const giveUp = ask(browser, beside("info"), undefined, (answer) => {
    const info = answer as Info | null;
    if (!info?.interval) return outer.onclose?.({ code: 1006, reason: "", ...info });
    if (!info.websocket) return poll(info);
    tryWebsocket(() => poll(info));
    timer = browser.setTimeout(() => poll(info), TRIAL);
  });

  const outer: Transport & { polling: boolean } = {
    onopen: null,
    onmessage: null,
    onclose: null,
    polling: false,
    get readyState() {
      return inner?.readyState ?? 0;
    },
    send(text) {
      inner?.send(text);
    },
    close() {
      giveUp();
      browser.clearTimeout(timer);
      quit(trial);
      quit(inner);
    },
  };
  return outer;
}
