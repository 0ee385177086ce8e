/** The frames of protocol version 1, and their text; see docs/protocol.md. Does no I/O. */

export const SUBPROTOCOL = "dash-pipe.v1";
export const MAX_LABELS = 32;
export const MAX_NAME = 200;
export const MAX_FRAME = 8192;
/** The first character of the epoch of a log without history. */
export const NO_HISTORY = "~";

export type Row = [offset: number, label: string, value: unknown, time: number];
export type Labels = readonly string[] | null;
export type Lost = readonly (readonly [label: string | null, offset: number])[];
/** An epoch that has ended: up to `offset`, its messages are those of the log; `end` was its newest, if known. */
export type Ended = readonly [epoch: string, offset: number, end: number | null];
/** The earlier epochs of a log, oldest first. */
export type Past = readonly Ended[];

export interface Position {
  epoch: string;
  offset: number;
}

/** Messages that this Pipe has lost, or may have lost (`unknown`). `to` is null if the epoch changed. */
export interface Gap {
  from: number;
  to: number | null;
  cause: "window" | "epoch" | "buffer" | "unknown";
}

export type ClientFrame =
  | { type: "subscribe"; channel: string; labels: Labels; since?: Position; token?: string; hint?: true }
  | { type: "unsubscribe"; channel: string }
  | { type: "replay"; id: number; channel: string; labels: Labels; last: number }
  | { type: "pong"; n: number };

export interface SubscribedFrame {
  type: "subscribed";
  channel: string;
  epoch: string;
  offset: number;
  /** Labels that this browser may not subscribe to. */
  denied?: string[];
  /** True if it answers no subscribe: the permission for these labels has ended. */
  ended?: boolean;
  /** The answer to a subscribe with `hint`; empty if there is nothing to say. */
  hint?: string;
  /** The seconds until the page should fetch a fresh token; none if it can't. */
  refresh?: number;
  spread?: number;
  heartbeat?: number;
  past?: Past;
}

export interface MessagesFrame {
  type: "messages";
  channel: string;
  epoch: string;
  messages: Row[];
  upto: number;
  lost?: Lost;
  /** Present if the epoch has changed, and the log has a past. */
  past?: Past;
}

export interface ReplayedFrame {
  type: "replayed";
  id: number;
  channel: string;
  epoch: string;
  messages: Row[];
  upto: number;
  done: boolean;
}

export interface PingFrame {
  type: "ping";
  n: number;
  upto?: Record<string, number>;
}

export interface ErrorFrame {
  type: "error";
  code: string;
  reason: string;
  channel?: string;
  /** If true, retrying the same request fails again. */
  final?: boolean;
  /** True if it answers no subscribe: the permission for the channel has ended. */
  ended?: boolean;
}

export type ServerFrame = SubscribedFrame | MessagesFrame | ReplayedFrame | PingFrame | ErrorFrame;

/**
 * Parse a frame; return a description of the error if it is malformed. Only the offset is checked: a wrong
 * one would lose messages silently, and any other error is visible. The server's tests cover the rest, with
 * the same vectors.
 */
export function decode(data: unknown): ServerFrame | string {
  let frame: ServerFrame & { upto?: unknown; offset?: unknown };
  try {
    frame = JSON.parse(data as string) ?? {};
  } catch {
    return "not JSON";
  }
  const { type, upto = frame.offset } = frame;
  if (type === "ping" || type === "error" || (Number.isSafeInteger(upto) && (upto as number) >= 0))
    return frame;
  return `${type} with the offset ${upto}`;
}

/**
 * Serialize a frame. If its labels make it larger than the server accepts, subscribe to every label instead:
 * the subscription filters again, and a frame that is too large would be rejected each time.
 */
export function encode(frame: ClientFrame): string {
  const line = JSON.stringify(frame);
  if (!("labels" in frame) || new Blob([line]).size <= MAX_FRAME) return line;
  return JSON.stringify({ ...frame, labels: null });
}
