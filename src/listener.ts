import type { Gap, Labels, Position, Row } from "./protocol";

export type Status = "connecting" | "open" | "polling" | "closed" | "denied";

/** What has come together since the last update. */
export interface Batch {
  rows: Row[];
  gaps: number;
  lastGap: Gap | null;
  status: Status;
}

/** One Pipe's place in a channel, and what waits there for the page to take it. Bounded by `limit`. */
export class Listener {
  position: Position | null = null;
  status: Status = "connecting";
  /** The status that the page was told last. */
  shown: Status | undefined;
  /** Which of the subscribes sent on this connection places a listener that has no position; 0: none yet. */
  reply = 0;
  /** Refused, until a property of its Pipe changes. */
  denied = false;
  /** Rows are held back until the past has been replayed. */
  holding: boolean;
  limit = 1000;
  private rows: Row[] = [];
  private past: Row[] = [];
  private gaps = 0;
  private lastGap: Gap | null = null;
  private overflow: Gap | null = null;
  private lostTo = 0;

  constructor(
    readonly labels: Labels,
    readonly replay = 0,
  ) {
    this.holding = replay > 0;
  }

  takes(label: string): boolean {
    return !this.labels || this.labels.includes(label);
  }

  /** Rows of the channel in their order; what it had already and what is for others is dropped. */
  push(rows: readonly Row[], upto: number): void {
    const position = this.position;
    if (!position) return;
    for (const row of rows) {
      if (row[0] > position.offset && this.takes(row[1])) this.rows.push(row);
    }
    position.offset = Math.max(position.offset, upto);
    this.trim();
  }

  /** The past is asked for (again, on a new connection). */
  ask(): void {
    this.past = [];
  }

  /** A part of the past. With the last part the held rows above `upto` follow, and holding ends. */
  replayed(rows: readonly Row[], position: Position, done: boolean): void {
    if (!this.holding) return;
    this.past.push(...rows.filter((row) => this.takes(row[1])));
    if (!done) return;
    this.position ??= { ...position };
    this.position.offset = Math.max(this.position.offset, position.offset);
    this.rows = this.rows.filter((row) => row[0] > position.offset);
    this.release();
  }

  /** Goes on with as much of the past as has come. */
  release(): void {
    this.rows = this.past.concat(this.rows);
    this.past = [];
    this.holding = false;
    this.trim();
  }

  /** It may not listen: it has no place here any more. */
  deny(): void {
    this.denied = true;
    this.position = null;
  }

  /** The log began anew, or was rolled back: go on from `position`. */
  restart(position: Position): void {
    if (this.position) this.lose({ from: this.position.offset, to: null, cause: "epoch" });
    this.position = { ...position };
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
    return this.status !== this.shown || this.gaps > 0 || (!this.holding && this.rows.length > 0);
  }

  /** What waits. It stays here until `clear`, so that an update that fails loses nothing. */
  batch(): Batch {
    return {
      rows: this.holding ? [] : this.rows,
      gaps: this.gaps + (this.overflow ? 1 : 0),
      lastGap: this.overflow ?? this.lastGap,
      status: this.status,
    };
  }

  /** The page has taken the batch. */
  clear(): void {
    if (!this.holding) this.rows = [];
    this.gaps = 0;
    this.lastGap = this.overflow = null;
    this.shown = this.status;
  }

  private lose(gap: Gap): void {
    this.gaps++;
    this.lastGap = gap;
  }

  private trim(): void {
    const cut = this.rows.splice(0, Math.max(0, this.rows.length - this.limit));
    const [first, last] = [cut[0], cut[cut.length - 1]];
    if (!first || !last) return;
    this.overflow = { from: this.overflow?.from ?? first[0] - 1, to: last[0], cause: "buffer" };
  }
}
