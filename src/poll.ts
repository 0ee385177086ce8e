import type { Browser, Transport } from "./browser";

/**
 * Send a request. Call `done` with the JSON of the response, or null if it has none, and with the HTTP status, or 0
 * if there is no response. Return a function that cancels the request.
 */
export function requestJson(
  browser: Browser,
  url: string,
  body: string | undefined,
  done: (answer: unknown, status: number) => void,
): () => void {
  let status = 0;
  const abort = new AbortController();
  const init = body ? { method: "POST", body } : {};
  browser
    .fetch(url, { ...init, credentials: "include", signal: abort.signal })
    .then((response) => {
      status = response.status;
      return response.json();
    })
    .catch(() => null)
    .then((answer) => abort.signal.aborted || done(answer, status));
  return () => abort.abort();
}

/**
 * A transport that polls, for pages without websockets. The server treats each request as a connection of its
 * own, so `onopen` is called before each of them and collects the frames to send. A frame that is sent between
 * two requests is not kept: it brings the next request forward, which sends all frames again.
 */
export class PollTransport implements Transport {
  readonly readyState = 1;
  onopen: Transport["onopen"] = null;
  onmessage: Transport["onmessage"] = null;
  onclose: Transport["onclose"] = null;
  /** The frames of the next request while `onopen` collects them; null at other times. */
  private frames: string[] | null = null;
  private timer: number | undefined;
  /** True if the next request is due at once. */
  private urgent = true;
  private closed = false;
  private cancel = () => {};

  /** `interval` is the time between two requests, in milliseconds. */
  constructor(
    private readonly browser: Browser,
    private readonly url: string,
    private readonly interval: number,
  ) {
    this.schedule();
  }

  send(text: string): void {
    if (this.frames) {
      this.frames.push(text);
      return;
    }
    this.urgent = true;
    if (!this.timer) return;
    this.browser.clearTimeout(this.timer);
    this.schedule();
  }

  close(): void {
    this.closed = true;
    this.browser.clearTimeout(this.timer);
    this.cancel();
  }

  private schedule(): void {
    if (this.closed) return;
    this.timer = this.browser.setTimeout(() => this.poll(), this.urgent ? 0 : this.interval);
  }

  private poll(): void {
    this.timer = undefined;
    this.urgent = false;
    const body = `[${this.collect()}]`;
    this.cancel = requestJson(this.browser, this.url, body, (answer) => this.handleAnswer(answer));
  }

  private collect(): string[] {
    const frames: string[] = [];
    this.frames = frames;
    this.onopen?.();
    this.frames = null;
    return frames;
  }

  private handleAnswer(answer: unknown): void {
    if (!Array.isArray(answer)) {
      this.onclose?.({ code: 1006, reason: "", ...(answer as object) });
      return;
    }
    for (const frame of answer) this.onmessage?.({ data: JSON.stringify(frame) });
    this.schedule();
  }
}
