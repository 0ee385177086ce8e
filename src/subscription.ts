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
export class Subscription {
  position: Position | null = null;
  status: Status = "connecting";
  /** The status that the page was told last. */
  deliveredStatus: Status | undefined;
  /** Which of the subscribes sent on this connection places it, or the labels that are new to it; 0: none yet. */
  replyNumber = 0;
  /** The number of the replay that it waits for on this connection. */
  replayId = 0;
  /** Refused, until a property of its Pipe changes. */
  denied = false;
  /** Labels that are not in `known` count above this offset alone; the server says which it is. */
  startOffset = NEVER;
  /** Rows are held back until the past has been replayed. */
  awaitingReplay: boolean;
  bufferSize = 1000;
  /** The labels that it took before `start`: all of their rows are for it. */
  private knownLabels: Labels = [];
  private rows: Row[] = [];
  private heldRows: Row[] = [];
  private replayedRows: Row[] = [];
  private gaps = 0;
  private lastGap: Gap | null = null;
  private overflowGap: Gap | null = null;
  private lostUpTo = 0;

  constructor(
    public labels: Labels,
    public replay = 0,
  ) {
    this.awaitingReplay = replay > 0;
  }

  /** Is what `label` has at `offset` for this Pipe? */
  accepts(label: string, offset: number): boolean {
    return has(this.labels, label) && (offset > this.startOffset || has(this.knownLabels, label));
  }

  /** Does it get all that is sent from now on? */
  get live(): boolean {
    return !this.awaitingReplay && this.startOffset < NEVER;
  }

  /** The labels whose past it waits for. */
  get newLabels(): Labels {
    return this.labels?.filter((label) => !has(this.knownLabels, label)) ?? null;
  }

  /** Takes other labels: nothing is missed of those that stay, and the new ones begin. True where it is a change. */
  setLabels(labels: Labels, replay: number): boolean {
    if (JSON.stringify(labels) === JSON.stringify(this.labels)) return false;
    const known = this.live ? this.labels : this.knownLabels;
    // A label that comes back begins anew: the server has let go of it.
    this.knownLabels = known ? known.filter((label) => has(labels, label)) : labels;
    this.labels = labels;
    this.replay = replay;
    const stays = (row: Row) => has(labels, row[1]);
    this.rows = this.rows.filter(stays);
    this.heldRows = this.heldRows.filter(stays);
    if (this.newLabels?.length !== 0) {
      this.startOffset = NEVER;
      this.replyNumber = 0;
      this.awaitingReplay = replay > 0;
    } else this.endReplay(); // there is no past left to wait for
    return true;
  }

  /** What is new to it begins after `position`. */
  startAt(position: Position): void {
    this.position ??= { ...position };
    this.startOffset = Math.min(this.startOffset, position.offset);
  }

  /** Rows of the channel in their order; what it had already and what is for others is dropped. */
  receive(rows: readonly Row[], upto: number): void {
    const position = this.position;
    if (!position) return;
    const news = rows.filter(([offset, label]) => offset > position.offset && this.accepts(label, offset));
    (this.awaitingReplay ? this.heldRows : this.rows).push(...news);
    position.offset = Math.max(position.offset, upto);
    this.trim();
  }

  /** The past is asked for (again, on a new connection). */
  startReplay(): void {
    this.replayedRows = [];
  }

  /** A part of the past. With the last part the held rows that are newer follow, and holding ends. */
  receiveReplay(rows: readonly Row[], upto: number, done: boolean): void {
    if (!this.awaitingReplay) return;
    this.replayedRows.push(
      ...rows.filter(([, label]) => has(this.labels, label) && !has(this.knownLabels, label)),
    );
    if (!done) return;
    this.startOffset = upto;
    this.endReplay(this.replayedRows);
  }

  /** Goes on, with the past or without it. */
  endReplay(past: Row[] = []): void {
    const live = this.heldRows.filter(([offset, label]) => this.accepts(label, offset));
    this.rows.push(...past.concat(live).sort((a, b) => a[0] - b[0]));
    this.heldRows = [];
    this.awaitingReplay = false;
    this.trim();
  }

  /** It may not listen: it has no place here any more. */
  deny(): void {
    this.denied = true;
    this.position = null;
    this.startOffset = NEVER;
    this.knownLabels = [];
  }

  /** The log began anew, or was rolled back: go on from `position`, with all that follows. */
  restart(position: Position): void {
    // Of a log without history nobody can say what came before.
    if (this.position && position.epoch[0] !== NO_HISTORY)
      this.addGap({ from: this.position.offset, to: null, cause: "epoch" });
    this.position = { ...position };
    this.endReplay();
    if (this.startOffset < NEVER) this.startOffset = 0;
    this.lostUpTo = 0;
  }

  /** Up to and including `offset` something it takes is lost for good. A loss that is told twice counts once. */
  recordLoss(offset: number): void {
    const from = this.position?.offset ?? offset;
    if (offset <= Math.max(from, this.lostUpTo)) return;
    this.lostUpTo = offset;
    this.addGap({ from, to: offset, cause: "window" });
  }

  /** Is there something to tell the page? */
  get hasUpdate(): boolean {
    return this.status !== this.deliveredStatus || this.gaps > 0 || this.rows.length > 0;
  }

  /** What waits. It stays here until `clear`, so that an update that fails loses nothing. */
  batch(): Batch {
    return {
      rows: this.rows,
      gaps: this.gaps + (this.overflowGap ? 1 : 0),
      lastGap: this.overflowGap ?? this.lastGap,
      status: this.status,
    };
  }

  /** The page has taken the batch. */
  clear(): void {
    this.rows = [];
    this.gaps = 0;
    this.lastGap = this.overflowGap = null;
    this.deliveredStatus = this.status;
  }

  private addGap(gap: Gap): void {
    this.gaps++;
    this.lastGap = gap;
  }

  private trim(): void {
    for (const rows of [this.rows, this.heldRows]) {
      const cut = rows.splice(0, Math.max(0, rows.length - this.bufferSize));
      for (const [offset] of cut) {
        // What was held back is newer than what waits, and may have been cut before.
        const { from, to } = this.overflowGap ?? { from: offset, to: 0 };
        this.overflowGap = {
          from: Math.min(from, offset - 1),
          to: Math.max(to ?? 0, offset),
          cause: "buffer",
        };
      }
    }
  }
}
