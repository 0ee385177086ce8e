/** The wire, version 1: what the frames are, and their text. Pure. */

export const SUBPROTOCOL = "dash-pipe.v1";
export const MAX_LABELS = 32;
export const MAX_NAME = 200;
export const MAX_FRAME = 8192;
/** In place of an address: the socket that a page of django-plotly-dash has already. */
export const PAGE_SOCKET = "dpd:";
/** How the epoch of a log begins that knows only what its process heard. */
export const NO_HISTORY = "~";

export type Row = [offset: number, label: string, value: unknown, time: number];
export type Labels = readonly string[] | null;
export type Lost = readonly (readonly [label: string | null, offset: number])[];

export interface Position {
  epoch: string;
  offset: number;
}

/** Messages that this Pipe will never see. `to` is null where nobody can know: in another epoch. */
export interface Gap {
  from: number;
  to: number | null;
  cause: "window" | "epoch" | "buffer";
}

export type BrowserFrame =
  | { type: "subscribe"; channel: string; labels: Labels; since?: Position; token?: string }
  | { type: "unsubscribe"; channel: string }
  | { type: "replay"; id: number; channel: string; labels: Labels; last: number }
  | { type: "pong"; n: number };

export interface Subscribed {
  type: "subscribed";
  channel: string;
  epoch: string;
  offset: number;
  lost?: Lost;
  /** Labels that this browser may not listen to. */
  denied?: string[];
  spread?: number;
  heartbeat?: number;
}

export interface Messages {
  type: "messages";
  channel: string;
  epoch: string;
  messages: Row[];
  upto: number;
  lost?: Lost;
}

export interface Replayed {
  type: "replayed";
  id: number;
  channel: string;
  epoch: string;
  messages: Row[];
  upto: number;
  done: boolean;
}

export interface Ping {
  type: "ping";
  n: number;
  upto?: Record<string, number>;
}

export interface Refusal {
  type: "error";
  code: string;
  reason: string;
  channel?: string;
  /** It will not be otherwise if the same is asked again. */
  final?: boolean;
}

export type ServerFrame = Subscribed | Messages | Replayed | Ping | Refusal;

type Check = (x: unknown) => boolean;
const text: Check = (x) => typeof x === "string";
const count: Check = (x) => Number.isSafeInteger(x) && (x as number) >= 0;
const rows: Check = (x) => Array.isArray(x) && x.every((row) => count(row?.[0]) && text(row[1]));
const lost: Check = (x) => x == null || (Array.isArray(x) && x.every((row) => count(row?.[1])));
const counts: Check = (x) => x == null || Object.values(x).every(count);

/**
 * The fields by which positions move and messages are told apart: one that is wrong would lose messages
 * without a word. The others are taken as they are.
 */
const SHAPES = new Map<unknown, Record<string, Check>>([
  ["subscribed", { epoch: text, offset: count, lost }],
  ["messages", { epoch: text, messages: rows, upto: count, lost }],
  ["replayed", { epoch: text, messages: rows, upto: count }],
  ["ping", { upto: counts }],
  ["error", {}],
]);

/** The frame in `data`, or, where there is none, a sentence that says what is wrong with it. */
export function decode(data: unknown): ServerFrame | string {
  let frame: unknown;
  try {
    frame = JSON.parse(data as string);
  } catch {
    return "not JSON";
  }
  const fields = (frame ?? {}) as Record<string, unknown>;
  const shape = SHAPES.get(fields.type);
  if (!shape) return `type is ${JSON.stringify(fields.type)}`;
  for (const name in shape) {
    if (!shape[name]?.(fields[name])) return `${name} of ${fields.type} is ${JSON.stringify(fields[name])}`;
  }
  return frame as ServerFrame;
}

/**
 * The text of a frame. A list of labels that would make it larger than the server takes is sent as
 * "every label": the Pipe filters again, and a frame too large would only be refused for ever.
 */
export function encode(frame: BrowserFrame): string {
  const line = JSON.stringify(frame);
  if (!("labels" in frame) || new Blob([line]).size <= MAX_FRAME) return line;
  return JSON.stringify({ ...frame, labels: null });
}
