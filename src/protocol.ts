/** The wire, version 1: what the frames are, and their text. Pure. */

export const SUBPROTOCOL = "dash-pipe.v1";
export const MAX_LABELS = 32;
export const MAX_NAME = 200;
export const MAX_FRAME = 8192;
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

export type ClientFrame =
  | { type: "subscribe"; channel: string; labels: Labels; since?: Position; token?: string }
  | { type: "unsubscribe"; channel: string }
  | { type: "replay"; id: number; channel: string; labels: Labels; last: number }
  | { type: "pong"; n: number };

export interface SubscribedFrame {
  type: "subscribed";
  channel: string;
  epoch: string;
  offset: number;
  /** Labels that this browser may not listen to. */
  denied?: string[];
  spread?: number;
  heartbeat?: number;
}

export interface MessagesFrame {
  type: "messages";
  channel: string;
  epoch: string;
  messages: Row[];
  upto: number;
  lost?: Lost;
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
  /** It will not be otherwise if the same is asked again. */
  final?: boolean;
}

export type ServerFrame = SubscribedFrame | MessagesFrame | ReplayedFrame | PingFrame | ErrorFrame;

/**
 * The frame in `data`, or, where there is none, a sentence that says what is wrong with it. What is looked
 * at is the offset that positions move to: a wrong one would lose messages without a word, where anything
 * else that is wrong fails for all to see. The rest the server's tests answer for, with the same vectors.
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
  return `${type} with an offset of ${upto}`;
}

/**
 * The text of a frame. A list of labels that would make it larger than the server takes is sent as
 * "every label": the Pipe filters again, and a frame too large would only be refused for ever.
 */
export function encode(frame: ClientFrame): string {
  const line = JSON.stringify(frame);
  if (!("labels" in frame) || new Blob([line]).size <= MAX_FRAME) return line;
  return JSON.stringify({ ...frame, labels: null });
}
