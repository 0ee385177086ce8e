import type { Browser, Transport } from "./browser";

/** Sends a request. `done` gets what its answer says; null when there is none. Returns how to give it up. */
export function ask(
  browser: Browser,
  url: string,
  body: string | undefined,
  done: (answer: unknown) => void,
): () => void {
  const gone = new AbortController();
  const how = body ? { method: "POST", body } : {};
  browser
    .fetch(url, { ...how, credentials: "include", signal: gone.signal })
    .then((answer) => answer.json())
    .catch(() => null)
    .then((answer) => gone.signal.aborted || done(answer));
  return () => gone.abort();
}

/**
 * A socket for where there is none: each request is a connection of its own, which opens, says all that
 * is to be said, hears all that there is, and is forgotten. So `onopen` is called before each of them.
 * What is said between two requests brings the next one forward; it is not kept.
 */
export function openPoll(browser: Browser, url: string, interval: number): Transport {
  let said: string[] | null = null;
  let giveUp = () => {};
  let timer: number | undefined;
  let hurry = true;
  let closed = false;

  const rest = (): void => {
    if (closed) return;
    timer = browser.setTimeout(poll, hurry ? 0 : interval);
  };

  const poll = (): void => {
    timer = undefined;
    hurry = false;
    said = [];
    socket.onopen?.();
    const body = `[${said}]`;
    said = null;
    giveUp = ask(browser, url, body, (answer) => {
      if (Array.isArray(answer)) {
        for (const frame of answer) socket.onmessage?.({ data: JSON.stringify(frame) });
        rest();
      } else {
        socket.onclose?.({ code: 1006, reason: "", ...(answer as object) });
      }
    });
  };

  const socket: Transport = {
    readyState: 1,
    onopen: null,
    onmessage: null,
    onclose: null,
    send(text) {
      if (said) {
        said.push(text);
        return;
      }
      hurry = true;
      if (!timer) return;
      browser.clearTimeout(timer);
      rest();
    },
    close() {
      closed = true;
      browser.clearTimeout(timer);
      giveUp();
    },
  };
  rest();
  return socket;
}
