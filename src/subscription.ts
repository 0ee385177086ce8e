import { type LeftEpochs, LOST, leave, names, translate } from "./past";
import { type Gap, type Labels, NO_HISTORY, type Past, type Position, type Row } from "./protocol";

export type Status = "connecting" | "open" | "polling" | "closed" | "denied";

/** The position of a Pipe, with the epochs that it left before, and the past of its own. */
export interface PipePosition extends Position {
  left?: LeftEpochs;
  past?: Past;
}

/** The content of the next update. `lastGap` may be unknown, which `gaps` does not count. */
export interface Batch {
  rows: Row[];
  gaps: number;
  lastGap: Gap | null;
  status: Status;
}

/** Above every offset: no start is known yet. */
const NEVER = 1e16;

const has = (labels: Labels, label: string): boolean => !labels || labels.includes(label);

/** The position of one Pipe in a channel, and the rows that wait for the next update: `bufferSize` at most. */
export class Subscription {
  position: PipePosition | null = null;
  status: Status = "connecting";
  /** The status in the last update. */
  deliveredStatus: Status | undefined;
  /** The number of the subscribe on this connection whose reply sets its start; 0 if none was sent yet. */
  replyNumber = 0;
  /** The id of the replay that it awaits on this connection; 0 if none was requested. */
  replayId = 0;
  /** The server denied the subscription. A change of the Pipe's properties tries again. */
  denied = false;
  /** Rows of new labels count only above this offset, which the reply to the subscribe names. */
  startOffset = NEVER;
  /** True while rows are held back until the replay is complete. */
  awaitingReplay: boolean;
  bufferSize = 1000;
  /** Labels that it had before the last change of labels. Rows of each count only above an offset of its own. */
  private knownLabels = new Map<string, number>();
  private rows: Row[] = [];
  private heldRows: Row[] = [];
  private replayedRows: Row[] = [];
  private gaps = 0;
  private lastGap: Gap | null = null;
  private overflowGap: Gap | null = null;
  private lostUpTo = 0;
  private unknownUpTo = 0;
  /** Everything up to here was delivered when last an update was. */
  private deliveredAt: PipePosition | null;
  /** The offset at which it resumes. Rows above are not replayed, since they come as messages. */
  private resumedAt: number;

  /** `resume` is the position of this Pipe when it was here before; null after the reply to its first subscribe. */
  constructor(
    public labels: Labels,
    public replay = 0,
    public resume: PipePosition | null = null,
  ) {
    this.awaitingReplay = replay > 0;
    this.deliveredAt = resume;
    this.resumedAt = resume?.offset ?? NEVER;
  }

  /** Everything up to here was delivered; null if nothing is known. */
  get delivered(): PipePosition | null {
    const { position, rows, lastGap, overflowGap } = this;
    const waits = this.awaitingReplay || rows.length > 0 || lastGap || overflowGap;
    return !position || waits ? this.deliveredAt : { ...position };
  }

  /** Return true if a row with this label and offset is for this Pipe. */
  accepts(label: string, offset: number): boolean {
    return has(this.labels, label) && offset > (this.knownLabels.get(label) ?? this.startOffset);
  }

  /** True if it receives everything that is sent from now on. */
  get live(): boolean {
    return !this.awaitingReplay && this.startOffset < NEVER;
  }

  /** The labels that it had before the last change of labels, and has still. */
  get kept(): string[] {
    return [...this.knownLabels.keys()];
  }

  /** The labels that have not started yet; null if every label is new. */
  get newLabels(): Labels {
    return this.labels?.filter((label) => !this.knownLabels.has(label)) ?? null;
  }

  /**
   * Change the labels. Labels that stay lose no rows, new ones start at the reply to the next subscribe.
   * Return true if the labels are different.
   */
  setLabels(labels: Labels, replay: number): boolean {
    if (JSON.stringify(labels) === JSON.stringify(this.labels)) return false;
    const start = Math.min(this.startOffset, this.resumedAt);
    const started = (label: string) =>
      this.live || this.resumedAt < NEVER ? has(this.labels, label) : this.knownLabels.has(label);
    // The old or the new labels are a list. A label that was removed and returns is new: the server has stopped
    // sending it.
    const kept = (labels ?? this.labels ?? []).filter(started);
    this.knownLabels = new Map(kept.map((label) => [label, this.knownLabels.get(label) ?? start]));
    this.labels = labels;
    this.replay = replay;
    const stays = (row: Row) => has(labels, row[1]);
    this.rows = this.rows.filter(stays);
    this.heldRows = this.heldRows.filter(stays);
    const anyNew = this.newLabels?.length !== 0;
    if (anyNew) {
      this.startOffset = NEVER;
      this.replyNumber = 0;
    }
    this.resumedAt = NEVER;
    this.awaitingReplay = anyNew && replay > 0;
    if (!this.awaitingReplay) this.endReplay(); // no label is left whose replay is due
    return true;
  }

  /** Continue where this Pipe was when it was here before. The log may have restarted since. */
  takeUp(): void {
    if (!this.resume) return;
    this.position = { ...this.resume };
    this.startOffset = Math.min(this.startOffset, this.resumedAt);
    this.resume = null;
  }

  /** Start new labels after `position`. */
  startAt(position: Position): void {
    this.position ??= { ...position };
    this.deliveredAt ??= { ...position };
    this.startOffset = Math.min(this.startOffset, position.offset);
    // The log may have been rolled back to before a known label started.
    for (const [label, start] of this.knownLabels)
      this.knownLabels.set(label, Math.min(start, position.offset));
  }

  /** Take rows of the channel, in their order. Duplicates and rows of other labels are dropped. */
  receive(rows: readonly Row[], upto: number): void {
    const position = this.position;
    if (!position) return;
    const news = rows.filter(([offset, label]) => offset > position.offset && this.accepts(label, offset));
    (this.awaitingReplay ? this.heldRows : this.rows).push(...news);
    position.offset = Math.max(position.offset, upto);
    this.trim();
  }

  /** A replay was requested. Rows of an unfinished one, on an earlier connection, are dropped. */
  startReplay(id: number): void {
    this.replayId = id;
    this.replayedRows = [];
  }

  /** Take replayed rows. The last ones (`done`) end the replay. */
  receiveReplay(rows: readonly Row[], upto: number, done: boolean): void {
    if (!this.awaitingReplay) return;
    this.replayedRows.push(
      ...rows.filter(([, label]) => has(this.labels, label) && !this.knownLabels.has(label)),
    );
    if (!done) return;
    const start = Math.min(upto, this.resumedAt);
    this.startOffset = start;
    this.endReplay(this.replayedRows.filter(([offset]) => offset <= start));
  }

  /** Stop holding rows back. The replayed rows come first, then the held ones that are newer. */
  endReplay(replayed: Row[] = []): void {
    const held = this.heldRows.filter(([offset, label]) => this.accepts(label, offset));
    this.rows.push(...replayed.concat(held).sort((a, b) => a[0] - b[0]));
    this.heldRows = [];
    this.awaitingReplay = false;
    this.trim();
  }

  /** The server denied the subscription. If it allows it again, the Pipe continues here, unless a replay was due. */
  deny(): void {
    this.denied = true;
    this.deliveredAt = this.delivered;
    this.resume = this.awaitingReplay ? null : (this.position ?? this.resume);
    this.position = null;
    this.replyNumber = 0;
    this.resumedAt = this.resume?.offset ?? NEVER;
    this.startOffset = NEVER;
    this.knownLabels.clear();
  }

  /** Continue in another epoch, as far as its log has what this Pipe has; `head` is that of one without history. */
  enterEpoch(epoch: string, past: Past, head: number): void {
    const before = this.position;
    if (!before || before.epoch === epoch) return;
    if (epoch[0] === NO_HISTORY) {
      this.restart({ epoch, offset: head });
      return;
    }
    const [offset, loss] = translate(past, before);
    const [found, left] = leave(before.left ?? new Map(), past, before);
    const from = names(past, before.epoch) ? offset : before.offset;
    const most = Math.max(loss, found);
    if (most) this.addGap({ from, to: null, cause: most === LOST ? "epoch" : "unknown" });
    if (loss === LOST) this.stopReplay();
    this.position = { epoch, offset, left };
    this.moveBounds((bound) => translate(past, { epoch: before.epoch, offset: bound })[0]);
  }

  /** The log was rolled back, or it is another one without history: read on from `position`. */
  restart(position: Position): void {
    // A log without history cannot tell whether anything was lost.
    if (this.position && position.epoch[0] !== NO_HISTORY)
      this.addGap({ from: this.position.offset, to: null, cause: "epoch" });
    this.stopReplay();
    this.position = { ...position };
    this.moveBounds(() => 0);
  }

  /** Rows up to `lost` are lost, and up to `unknown` they may be. A loss that is reported twice counts once. */
  recordLoss(lost: number, unknown = 0): void {
    if (!this.position) return;
    const from = this.position.offset;
    const known = Math.max(from, this.lostUpTo);
    if (lost > known) this.addGap({ from, to: lost, cause: "window" });
    else if (unknown > Math.max(known, this.unknownUpTo))
      this.addGap({ from, to: unknown, cause: "unknown" });
    this.lostUpTo = Math.max(lost, this.lostUpTo);
    this.unknownUpTo = Math.max(unknown, this.unknownUpTo);
  }

  /** True if there is something to deliver. */
  get hasUpdate(): boolean {
    return this.status !== this.deliveredStatus || !!this.lastGap || this.rows.length > 0;
  }

  /** Return what waits. It is kept until `clear`, so that an update that fails loses nothing. */
  batch(): Batch {
    return {
      rows: this.rows,
      gaps: this.gaps + (this.overflowGap ? 1 : 0),
      lastGap: this.overflowGap ?? this.lastGap,
      status: this.status,
    };
  }

  /** The batch was delivered. */
  clear(): void {
    this.rows = [];
    this.gaps = 0;
    this.lastGap = this.overflowGap = null;
    this.deliveredStatus = this.status;
    if (!this.awaitingReplay && this.position) this.deliveredAt = { ...this.position };
  }

  /** An unknown loss does not hide one that is counted in the same update. */
  private addGap(gap: Gap): void {
    if (gap.cause !== "unknown") this.gaps++;
    else if (this.gaps) return;
    this.lastGap = gap;
  }

  private stopReplay(): void {
    this.resumedAt = NEVER;
    this.endReplay();
  }

  /** Move all offsets but the position into another epoch. */
  private moveBounds(move: (offset: number) => number): void {
    if (this.startOffset < NEVER) this.startOffset = move(this.startOffset);
    for (const [label, start] of this.knownLabels) this.knownLabels.set(label, move(start));
    this.lostUpTo = move(this.lostUpTo);
    this.unknownUpTo = move(this.unknownUpTo);
  }

  private trim(): void {
    for (const rows of [this.rows, this.heldRows]) {
      const cut = rows.splice(0, Math.max(0, rows.length - this.bufferSize));
      for (const [offset] of cut) {
        // Held rows are newer than waiting ones, and may have been cut before them.
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
