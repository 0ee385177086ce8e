/** What this package uses of `window`, so that a test can hand it another one. */

export interface Transport {
  readonly readyState: number;
  /** True while it asks again and again, for want of a websocket. */
  readonly polling?: boolean;
  /** A new conversation begins: nothing of what was said before is known. Can come more than once. */
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface Events {
  addEventListener(type: string, call: () => void): void;
  removeEventListener(type: string, call: () => void): void;
}

export interface Clock {
  performance: { now(): number };
  setTimeout(call: () => void, ms: number): number;
  clearTimeout(timer: number | undefined): void;
  queueMicrotask(call: () => void): void;
}

export interface Browser extends Clock, Events {
  Math: { random(): number };
  WebSocket: new (url: string, subprotocol: string) => Transport;
  fetch(url: string, init: RequestInit): Promise<{ json(): Promise<unknown> }>;
  document: Events & { visibilityState: string };
}

export type OpenTransport = (browser: Browser, url: string, subprotocol: string) => Transport;

/** A file that opens another kind of socket: for where websockets fail, or for a page that has one already. */
export interface TransportModule {
  default: OpenTransport;
}

/** Loads it; most pages never need one. `attempt` tells one try from the next. */
export type LoadTransport = (attempt: number, file: string) => Promise<TransportModule>;

/** Says on the console what went wrong. Normal operation says nothing. */
export function report(sentence: string, ...cause: unknown[]): void {
  console.error(`[dash-pipe] ${sentence}`, ...cause);
}
