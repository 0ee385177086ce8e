import { type Gap, type Labels, NO_HISTORY, type Position, type Row } from "./protocol";

export type Status = "connecting" | "open" | "polling" | "closed" | "denied";

/** What has come together since the last update. */
export interface Batch {
  rows: Row[];
  gaps: number;
  lastGap: Gap | null;
  status: Status;
}

/** Above every offset. */
const NEVER = 1e16;

const has = (labels: Labels, label: string): boolean => !labels || labels.includes(label);

/** One Pipe's place in a channel, and what waits there for the page to take it. Bounded by `limit`. */
export class Listener {
  position: Position | null = null;
  status: Status = "connecting";
  /** The status that the page was told last. */
  shown: Status | undefined;
  /** Which of the subscribes sent on this connection places it, or the labels that are new to it; 0: none yet. */
  reply = 0;
  /** The number of the replay that it waits for on this connection. */
  asked = 0;
  /** Refused, until a property of its Pipe changes. */
  denied = false;
  /** Labels that are not in `known` count above this offset alone; the server says which it is. */
  start = NEVER;
  /** Rows are held back until the past has been replayed. */
  holding: boolean;
  limit = 1000;
  /** The labels that it took before `start`: all of their rows are for it. */
  private known: Labels = [];
  private rows: Row[] = [];
  private held: Row[] = [];
  private past: Row[] = [];
  private gaps = 0;
  private lastGap: Gap | null = null;
  private overflow: Gap | null = null;
  private lostTo = 0;

  constructor(
    public labels: Labels,
    public replay = 0,
  ) {
    this.holding = replay > 0;
  }

  /** Is what `label` has at `offset` for this Pipe? */
  wants(label: string, offset: number): boolean {
    return has(this.labels, label) && (offset > this.start || has(this.known, label));
  }

  /** Does it get all that is sent from now on? */
  get placed(): boolean {
    return !this.holding && this.start < NEVER;
  }

  /** The labels whose past it waits for. */
  get fresh(): Labels {
    return this.labels?.filter((label) => !has(this.known, label)) ?? null;
  }

  /** Takes other labels: nothing is missed of those that stay, and the new ones begin. True where it is a change. */
  relabel(labels: Labels, replay: number): boolean {
    if (JSON.stringify(labels) === JSON.stringify(this.labels)) return false;
    const known = this.placed ? this.labels : this.known;
    // A label that comes back begins anew: the server has let go of it.
    this.known = known ? known.filter((label) => has(labels, label)) : labels;
    this.labels = labels;
    this.replay = replay;
    const stays = (row: Row) => has(labels, row[1]);
    this.rows = this.rows.filter(stays);
    this.held = this.held.filter(stays);
    if (this.fresh?.length !== 0) {
      this.start = NEVER;
      this.reply = 0;
      this.holding = replay > 0;
    } else this.release(); // there is no past left to wait for
    return true;
  }

  /** What is new to it begins after `position`. */
  place(position: Position): void {
    this.position ??= { ...position };
    this.start = Math.min(this.start, position.offset);
  }

  /** Rows of the channel in their order; what it had already and what is for others is dropped. */
  push(rows: readonly Row[], upto: number): void {
    const position = this.position;
    if (!position) return;
    const news = rows.filter(([offset, label]) => offset > position.offset && this.wants(label, offset));
    (this.holding ? this.held : this.rows).push(...news);
    position.offset = Math.max(position.offset, upto);
    this.trim();
  }

  /** The past is asked for (again, on a new connection). */
  ask(): void {
    this.past = [];
  }

  /** A part of the past. With the last part the held rows that are newer follow, and holding ends. */
  replayed(rows: readonly Row[], upto: number, done: boolean): void {
    if (!this.holding) return;
    this.past.push(...rows.filter(([, label]) => has(this.labels, label) && !has(this.known, label)));
    if (!done) return;
    this.start = upto;
    this.release(this.past);
  }

  /** Goes on, with the past or without it. */
  release(past: Row[] = []): void {
    const live = this.held.filter(([offset, label]) => this.wants(label, offset));
    this.rows.push(...past.concat(live).sort((a, b) => a[0] - b[0]));
    this.held = [];
    this.holding = false;
    this.trim();
  }

  /** It may not listen: it has no place here any more. */
  deny(): void {
    this.denied = true;
    this.position = null;
    this.start = NEVER;
    this.known = [];
  }

  /** The log began anew, or was rolled back: go on from `position`, with all that follows. */
  restart(position: Position): void {
    // Of a log without history nobody can say what came before.
    if (this.position && position.epoch[0] !== NO_HISTORY)
      this.lose({ from: this.position.offset, to: null, cause: "epoch" });
    this.position = { ...position };
    this.release();
    if (this.start < NEVER) this.start = 0;
    this.lostTo = 0;
  }

  /** Up to and including `offset` something it takes is lost for good. A loss that is told twice counts once. */
  lost(offset: number): void {
    const from = this.position?.offset ?? offset;
    if (offset <= Math.max(from, this.lostTo)) return;
    this.lostTo = offset;
    this.lose({ from, to: offset, cause: "window" });
  }

  /** Is there something to tell the page? */
  get pending(): boolean {
    return this.status !== this.shown || this.gaps > 0 || this.rows.length > 0;
  }

  /** What waits. It stays here until `clear`, so that an update that fails loses nothing. */
  batch(): Batch {
    return {
      rows: this.rows,
      gaps: this.gaps + (this.overflow ? 1 : 0),
      lastGap: this.overflow ?? this.lastGap,
      status: this.status,
    };
  }

  /** The page has taken the batch. */
  clear(): void {
    this.rows = [];
    this.gaps = 0;
    this.lastGap = this.overflow = null;
    this.shown = this.status;
  }

  private lose(gap: Gap): void {
    this.gaps++;
    this.lastGap = gap;
  }

  private trim(): void {
    for (const rows of [this.rows, this.held]) {
      const cut = rows.splice(0, Math.max(0, rows.length - this.limit));
      for (const [offset] of cut) {
        // What was held back is newer than what waits, and may have been cut before.
        const { from, to } = this.overflow ?? { from: offset, to: 0 };
        this.overflow = { from: Math.min(from, offset - 1), to: Math.max(to ?? 0, offset), cause: "buffer" };
      }
    }
  }
}
