import type { Browser, Transport } from "../../src/browser";

/** A fake `window`: time passes, the network answers and events happen only when a test says so. */
export class FakeBrowser implements Browser {
  now = 0;
  /** The result of `Math.random`. */
  chance = 0;
  /** If false, the browser rejects the next address. */
  allowed = true;
  sockets: FakeSocket[] = [];
  requests: FakeRequest[] = [];
  listeners = new Map<string, Set<() => void>>();
  private timers = new Map<number, { at: number; call: () => void }>();
  private microtasks: (() => void)[] = [];
  private ids = 0;

  location = { origin: "https://host" };
  performance = { now: () => this.now };
  Math = { random: () => this.chance };
  document = { visibilityState: "visible", ...this.events() };
  addEventListener = this.document.addEventListener;
  removeEventListener = this.document.removeEventListener;
  // `new browser.WebSocket` needs a class that knows its browser.
  WebSocket = socketOf(this);

  fetch = (url: string, { method = "GET", body = null, signal = null, credentials }: RequestInit) => {
    const request = new FakeRequest(this, method, url, body as string | null, signal, credentials);
    this.requests.push(request);
    return request.promise;
  };

  private events() {
    return {
      addEventListener: (type: string, call: () => void) => {
        this.listeners.set(type, (this.listeners.get(type) ?? new Set()).add(call));
      },
      removeEventListener: (type: string, call: () => void) => {
        this.listeners.get(type)?.delete(call);
      },
    };
  }

  setTimeout = (call: () => void, ms: number): number => {
    this.timers.set(++this.ids, { at: this.now + ms, call });
    return this.ids;
  };

  clearTimeout = (timer: number | undefined): void => {
    this.timers.delete(timer ?? 0);
  };

  queueMicrotask = (call: () => void): void => {
    this.microtasks.push(call);
  };

  /** Run all microtasks. An endless loop of them would freeze a page: it throws here. */
  tick(): void {
    for (let n = 0; this.microtasks.length; n++) {
      if (n > 100) throw new Error("microtasks without end");
      this.microtasks.shift()?.();
    }
  }

  /** Advance the time, timer by timer. */
  pass(ms: number): void {
    const end = this.now + ms;
    this.tick();
    for (;;) {
      const next = [...this.timers].sort((a, b) => a[1].at - b[1].at)[0];
      if (!next || next[1].at > end) break;
      this.now = Math.max(this.now, next[1].at);
      this.timers.delete(next[0]);
      next[1].call();
      this.tick();
    }
    this.now = end;
  }

  /** Advance the time without running timers, as in a page that sleeps. */
  sleep(ms: number): void {
    this.now += ms;
  }

  get waits(): number[] {
    return [...this.timers.values()].map(({ at }) => at - this.now);
  }

  emit(type: string): void {
    for (const call of [...(this.listeners.get(type) ?? [])]) call();
    this.tick();
  }

  get request(): FakeRequest {
    const request = this.requests[this.requests.length - 1];
    if (!request) throw new Error("nothing was requested");
    return request;
  }

  get listening(): number {
    return [...this.listeners.values()].reduce((n, calls) => n + calls.size, 0);
  }

  get socket(): FakeSocket {
    const socket = this.sockets[this.sockets.length - 1];
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }
}

export class FakeSocket implements Transport {
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  sent: Record<string, unknown>[] = [];

  constructor(
    readonly browser: FakeBrowser,
    readonly url: string,
    readonly subprotocol: string,
  ) {}

  get last(): Record<string, unknown> | undefined {
    return this.sent[this.sent.length - 1];
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.();
    this.browser.tick();
  }

  hear(...frames: unknown[]): void {
    for (const frame of frames) {
      this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
      this.browser.tick();
    }
  }

  /** Close the socket, as the server or the network does. */
  drop(code: number, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
    this.browser.tick();
  }
}

export class FakeRequest {
  private settle!: (answer: ReturnType<Browser["fetch"]>) => void;
  readonly promise = new Promise<Awaited<ReturnType<Browser["fetch"]>>>((resolve) => {
    this.settle = resolve;
  });

  constructor(
    readonly browser: FakeBrowser,
    readonly method: string,
    readonly url: string,
    readonly body: string | null,
    readonly signal: AbortSignal | null,
    readonly credentials: RequestCredentials | undefined,
  ) {}

  get frames(): Record<string, unknown>[] {
    return JSON.parse(this.body ?? "");
  }

  /** Answer the request. The answer is not JSON if `json` is undefined. */
  answer(json?: unknown, status = 200): Promise<void> {
    const text = JSON.stringify(json);
    return this.end(Promise.resolve({ status, json: async () => JSON.parse(text) }));
  }

  /** Fail the request, as the network does. */
  fail(): Promise<void> {
    return this.end(Promise.reject(new TypeError("Failed to fetch")));
  }

  private async end(answer: ReturnType<Browser["fetch"]>): Promise<void> {
    this.settle(answer);
    // Run the chain of promises that follows; it is shorter than this.
    for (let n = 0; n < 10; n++) await null;
    this.browser.tick();
  }
}

/** Loading fails: no server answers. */
export const noTransport = () => Promise.reject(new TypeError("Failed to fetch"));

function socketOf(browser: FakeBrowser): Browser["WebSocket"] {
  return class extends FakeSocket {
    constructor(url: string, subprotocol: string) {
      if (!browser.allowed || !/^wss?:/.test(url)) throw new Error("SecurityError");
      super(browser, url, subprotocol);
      browser.sockets.push(this);
    }
  };
}

export const subscribed = (channel: string, offset: number, more: object = {}) => ({
  ...{
    type: "subscribed",
    channel,
    epoch: "e1",
    offset,
    recovered: null,
    spread: 4,
    heartbeat: 10,
  },
  ...more,
});

export const messages = (channel: string, rows: [number, string, unknown][], more: object = {}) => ({
  ...{
    type: "messages",
    channel,
    epoch: "e1",
    messages: rows.map((row) => [...row, 1]),
    upto: rows[rows.length - 1]?.[0] ?? 0,
  },
  ...more,
});
