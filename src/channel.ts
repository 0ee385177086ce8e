import type { BrowserFrame, Labels, Lost, Messages, Position, Replayed, Row, Subscribed } from "./protocol";
import { MAX_LABELS, NO_HISTORY } from "./protocol";
import type { Listener } from "./subscription";

/** The newest of what is lost for `listener`; 0 when nothing is. */
function lostFor(listener: Listener, lost: Lost): number {
  const named = lost.map(([label]) => label);
  // `null` speaks of every label that is not named; who takes every label takes some of those.
  const others = (listener.labels ?? [""]).filter((label) => !named.includes(label));
  const mine = lost.filter(([label, offset]) =>
    (label == null ? others : [label]).some((each) => listener.wants(each, offset)),
  );
  return Math.max(0, ...mine.map(([, offset]) => offset));
}

/** A channel as this page sees it: where the page is, who listens, and which replies are to come. No I/O. */
export class Channel<L extends Listener = Listener> {
  /** The highest offset seen: from here a new connection reads on. */
  position: Position | null = null;
  /** Newest last. */
  readonly listeners = new Set<L>();
  /** Subscribes sent on this connection, and how many of them were answered; the answers come in order. */
  sent = 0;
  answered = 0;

  constructor(readonly name: string) {}

  /** Who may listen, as far as is known. */
  get allowed(): L[] {
    return [...this.listeners].filter(({ denied }) => !denied);
  }

  /** Every label that somebody here takes; null (all) when somebody takes all, or when they are too many. */
  labels(): Labels {
    const union = new Set<string>();
    for (const { labels } of this.allowed) {
      if (!labels) return null;
      for (const label of labels) union.add(label);
    }
    return union.size > MAX_LABELS ? null : [...union].sort();
  }

  /** The subscribe to send now. Its reply places the listeners that have no position yet. */
  subscribe(token?: string): BrowserFrame {
    this.sent++;
    for (const listener of this.allowed) listener.reply ||= this.sent;
    const frame: BrowserFrame = { type: "subscribe", channel: this.name, labels: this.labels() };
    if (this.position) frame.since = { ...this.position };
    if (token) frame.token = token;
    return frame;
  }

  /** A new connection knows nothing of what was said on another, and brings no reply to it. */
  reset(): void {
    this.sent = this.answered = 0;
    for (const listener of this.listeners) listener.reply = listener.asked = 0;
  }

  /**
   * Refused: that stands in the place of the reply. A refusal may also come unasked. Who takes every label
   * may have asked for too much for the others; so those are denied first. Returns who was denied.
   */
  refused(): L[] {
    this.answered = Math.min(this.sent, this.answered + 1);
    const asked = this.allowed.filter(({ reply }) => reply <= this.answered);
    const greedy = asked.filter(({ labels }) => !labels);
    const denied = greedy.length ? greedy : asked;
    for (const listener of denied) listener.deny();
    // What the others asked to be replayed was refused with it.
    for (const listener of this.listeners) listener.asked = 0;
    return denied;
  }

  /** Returns who was denied. */
  subscribed({ epoch, offset, denied = [] }: Subscribed): L[] {
    this.answered++;
    // A log without history is not read from its beginning.
    this.enter(epoch, epoch[0] === NO_HISTORY ? offset : 0);
    const refused = this.allowed.filter(({ labels }) => labels?.some((label) => denied.includes(label)));
    for (const listener of refused) listener.deny();
    this.position ??= { epoch, offset };
    this.position.offset = Math.min(this.position.offset, offset);
    for (const listener of this.allowed) {
      if ((listener.position?.offset ?? 0) > offset) listener.restart({ epoch, offset });
      if (listener.reply && listener.reply <= this.answered) listener.place({ epoch, offset });
    }
    return refused;
  }

  messages({ epoch, messages, upto, lost = [] }: Messages): void {
    this.enter(epoch);
    for (const listener of this.listeners) listener.lost(lostFor(listener, lost));
    this.advance(upto, messages);
  }

  /** Moves on to `upto`; `rows` are what lies between. */
  advance(upto: number, rows: readonly Row[] = []): void {
    if (this.position) this.position.offset = Math.max(this.position.offset, upto);
    for (const listener of this.listeners) listener.push(rows, upto);
  }

  replayed({ id, epoch, messages, upto, done }: Replayed): void {
    this.enter(epoch);
    for (const listener of this.listeners) {
      if (listener.asked === id) listener.replayed(messages, upto, done);
    }
  }

  /** A frame of another epoch: the log began anew, and all that follows is news. */
  private enter(epoch: string, offset = 0): void {
    if (this.position && this.position.epoch !== epoch) this.position = { epoch, offset };
    for (const listener of this.listeners) {
      if (listener.position && listener.position.epoch !== epoch) listener.restart({ epoch, offset });
    }
  }
}
