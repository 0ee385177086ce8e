/** The parts of `window` that this package uses. Tests pass a fake one. */

/** A WebSocket, or an object with the same interface. */
export interface Transport {
  readonly readyState: number;
  /** True while the transport polls over HTTP because no websocket can be opened. */
  readonly polling?: boolean;
  /** A new connection has begun and the server knows nothing of earlier ones. May be called more than once. */
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
  fetch(url: string, init: RequestInit): Promise<{ status: number; json(): Promise<unknown> }>;
  location: { origin: string };
  document: Events & { visibilityState: string };
}

export type OpenTransport = (browser: Browser, url: string, subprotocol: string) => Transport;

/** A file that opens another transport: for pages without websockets, or with a socket of their own. */
export interface TransportModule {
  default: OpenTransport;
}

/** Load a transport from a file of this package. Most pages never do. `attempt` makes each address unique. */
export type LoadTransport = (attempt: number, file: string) => Promise<TransportModule>;

/** Log an error to the browser's console. Normal operation logs nothing. */
export function report(sentence: string, ...cause: unknown[]): void {
  console.error(`[dash-pipe] ${sentence}`, ...cause);
}
