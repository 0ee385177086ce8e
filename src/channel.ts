import type {
  ClientFrame,
  Labels,
  Lost,
  MessagesFrame,
  Position,
  ReplayedFrame,
  Row,
  SubscribedFrame,
} from "./protocol";
import { MAX_LABELS, NO_HISTORY } from "./protocol";
import type { Subscription } from "./subscription";

/** The newest of what is lost for `subscription`; 0 when nothing is. */
function lostFor(subscription: Subscription, lost: Lost): number {
  const named = lost.map(([label]) => label);
  // `null` speaks of every label that is not named; who takes every label takes some of those.
  const others = (subscription.labels ?? [""]).filter((label) => !named.includes(label));
  const mine = lost.filter(([label, offset]) =>
    (label == null ? others : [label]).some((each) => subscription.accepts(each, offset)),
  );
  return Math.max(0, ...mine.map(([, offset]) => offset));
}

/** A channel as this page sees it: where the page is, who listens, and which replies are to come. No I/O. */
export class Channel<L extends Subscription = Subscription> {
  /** The highest offset seen: from here a new connection reads on. */
  position: Position | null = null;
  /** Newest last. */
  readonly subscriptions = new Set<L>();
  /** Subscribes sent on this connection, and how many of them were answered; the answers come in order. */
  subscribesSent = 0;
  repliesReceived = 0;

  constructor(readonly name: string) {}

  /** Who may listen, as far as is known. */
  get allowed(): L[] {
    return [...this.subscriptions].filter(({ denied }) => !denied);
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

  /** The subscribe to send now. Its reply places the subscriptions that have no position yet. */
  subscribeFrame(token?: string): ClientFrame {
    this.subscribesSent++;
    for (const subscription of this.allowed) subscription.replyNumber ||= this.subscribesSent;
    const frame: ClientFrame = { type: "subscribe", channel: this.name, labels: this.labels() };
    if (this.position) frame.since = { ...this.position };
    if (token) frame.token = token;
    return frame;
  }

  /** A new connection knows nothing of what was said on another, and brings no reply to it. */
  reset(): void {
    this.subscribesSent = this.repliesReceived = 0;
    for (const subscription of this.subscriptions) subscription.replyNumber = subscription.replayId = 0;
  }

  /**
   * Refused: that stands in the place of the reply. A refusal may also come unasked. Who takes every label
   * may have asked for too much for the others; so those are denied first. Returns who was denied.
   */
  reject(): L[] {
    this.repliesReceived = Math.min(this.subscribesSent, this.repliesReceived + 1);
    const asked = this.allowed.filter(({ replyNumber }) => replyNumber <= this.repliesReceived);
    const greedy = asked.filter(({ labels }) => !labels);
    const rejected = greedy.length ? greedy : asked;
    for (const subscription of rejected) subscription.deny();
    // What the others asked to be replayed was denied with it.
    for (const subscription of this.subscriptions) subscription.replayId = 0;
    return rejected;
  }

  /** Returns who was denied. */
  handleSubscribed({ epoch, offset, denied = [] }: SubscribedFrame): L[] {
    this.repliesReceived++;
    // A log without history is not read from its beginning.
    this.enterEpoch(epoch, epoch[0] === NO_HISTORY ? offset : 0);
    const rejected = this.allowed.filter(({ labels }) => labels?.some((label) => denied.includes(label)));
    for (const subscription of rejected) subscription.deny();
    this.position ??= { epoch, offset };
    this.position.offset = Math.min(this.position.offset, offset);
    for (const subscription of this.allowed) {
      if ((subscription.position?.offset ?? 0) > offset) subscription.restart({ epoch, offset });
      if (subscription.replyNumber && subscription.replyNumber <= this.repliesReceived)
        subscription.startAt({ epoch, offset });
    }
    return rejected;
  }

  handleMessages({ epoch, messages, upto, lost = [] }: MessagesFrame): void {
    this.enterEpoch(epoch);
    for (const subscription of this.subscriptions) subscription.recordLoss(lostFor(subscription, lost));
    this.advance(upto, messages);
  }

  /** Moves on to `upto`; `rows` are what lies between. */
  advance(upto: number, rows: readonly Row[] = []): void {
    if (this.position) this.position.offset = Math.max(this.position.offset, upto);
    for (const subscription of this.subscriptions) subscription.receive(rows, upto);
  }

  handleReplayed({ id, epoch, messages, upto, done }: ReplayedFrame): void {
    this.enterEpoch(epoch);
    for (const subscription of this.subscriptions) {
      if (subscription.replayId === id) subscription.receiveReplay(messages, upto, done);
    }
  }

  /** A frame of another epoch: the log began anew, and all that follows is news. */
  private enterEpoch(epoch: string, offset = 0): void {
    if (this.position && this.position.epoch !== epoch) this.position = { epoch, offset };
    for (const subscription of this.subscriptions) {
      if (subscription.position && subscription.position.epoch !== epoch)
        subscription.restart({ epoch, offset });
    }
  }
}
