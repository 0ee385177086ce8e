import type { Ended, Past, Position } from "./protocol";

/** What a reader has lost; the larger one prevails. */
export const NONE = 0;
export const UNKNOWN = 1;
export const LOST = 2;

/** The epochs that a Pipe left, each with what it has lost of it as far as it knows. */
export type LeftEpochs = ReadonlyMap<string, number>;

/** Return what a reader who had the messages of an epoch up to `offset` has lost. */
function lossOf([, at, end]: Ended, offset: number): number {
  if (Math.max(offset, end ?? 0) > at) return LOST;
  return end === null ? UNKNOWN : NONE;
}

/** Return true if the past names this epoch. */
export const names = (past: Past, epoch: string): boolean => past.some(([name]) => name === epoch);

/** Translate a position of an earlier epoch into the present one; docs/protocol.md has the rule. */
export function translate(past: Past, { epoch, offset }: Position): [offset: number, loss: number] {
  if (!names(past, epoch)) return [0, offset ? LOST : UNKNOWN];
  let at = offset;
  let loss = NONE;
  for (const ended of past.slice(past.findIndex(([name]) => name === epoch))) {
    loss = Math.max(loss, lossOf(ended, at));
    at = Math.min(at, ended[1]);
  }
  return [at, loss];
}

/** The most epochs that a page remembers though the log has forgotten them. */
const MAX_FORGOTTEN = 16;

/**
 * Leave the epochs of the past from that of a position on. Return what was lost of them, or turns out now to be
 * lost of those in `before`, and the epochs that were left by now. An epoch that is named only now was left too if
 * it is younger than one of these: names sort by age. A loss is returned once.
 */
export function leave(
  before: LeftEpochs,
  past: Past,
  position: Position,
): [loss: number, left: Map<string, number>] {
  let found = NONE;
  let at = position.offset;
  let isLeft = false;
  const left = new Map(before);
  const oldest = [position.epoch, ...before.keys()].sort()[0] as string;
  for (const ended of past) {
    const [epoch, offset] = ended;
    isLeft ||= epoch === position.epoch;
    if (!isLeft && epoch < oldest) continue; // it was before this Pipe
    const known = left.get(epoch) ?? NONE;
    const loss = Math.max(known, lossOf(ended, isLeft ? at : 0));
    if (loss > known) found = Math.max(found, loss);
    left.delete(epoch);
    left.set(epoch, loss);
    if (isLeft) at = Math.min(at, offset);
  }
  return [found, new Map([...left].slice(-MAX_FORGOTTEN))];
}

/**
 * Name an epoch in a past that has forgotten it; `lineage` is its own past. The broker returned to what it had saved
 * before the epoch began: it parted from the present log where the newest epoch ended that both have had, after older
 * ones that did so too.
 */
function graft(past: Past, epoch: string, lineage: Past): Past {
  if (names(past, epoch)) return past;
  for (const [name, at] of [...lineage].reverse()) {
    const parent = past.findIndex(([each]) => each === name);
    if (parent < 0) continue;
    const offset = Math.min(at, (past[parent] as Ended)[1]);
    const next = past.findIndex((each, i) => i > parent && (each[0] > epoch || each[1] > offset));
    const after = next < 0 ? past.length : next;
    return [...past.slice(0, after), [epoch, offset, at], ...past.slice(after)];
  }
  return past;
}

/** Raise an end to what another past knows of the same epoch. */
function raiseEnd(ended: Ended, known: Past): Ended {
  const [epoch, offset, end] = ended;
  const [, at = 0, own] = known.find(([name]) => name === epoch) ?? [];
  const newest = Math.max(at, own ?? 0);
  return newest > Math.max(offset, end ?? 0) ? [epoch, offset, newest] : ended;
}

/** Name an epoch, and the newest of its own past, in a past that has forgotten some of them, or how far they went. */
export function inherit(past: Past, epoch: string, own: Past): Past {
  const start = Math.max(0, own.length - MAX_FORGOTTEN);
  const epochs = [...own.map(([name]) => name), epoch].slice(start);
  const named = epochs.reduce(
    (known, each, number) => graft(known, each, own.slice(0, start + number)),
    past,
  );
  return named.map((ended) => raiseEnd(ended, own));
}
