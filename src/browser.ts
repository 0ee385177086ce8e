/** What this package uses of `window`, so that a test can hand it another one. */

export interface Socket {
  readyState: number;
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
  WebSocket: new (url: string, subprotocol: string) => Socket;
  document: Events & { visibilityState: string };
}

/** Says on the console what went wrong. Normal operation says nothing. */
export function report(sentence: string, ...cause: unknown[]): void {
  console.error(`[dash-pipe] ${sentence}`, ...cause);
}
