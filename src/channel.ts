import { inherit, translate } from "./past";
import type {
  ClientFrame,
  Labels,
  Lost,
  MessagesFrame,
  Past,
  Position,
  ReplayedFrame,
  Row,
  SubscribedFrame,
} from "./protocol";
import { MAX_LABELS, NO_HISTORY } from "./protocol";
import type { Subscription } from "./subscription";

/** Record what a subscription has lost, and what it may have lost. */
function recordLoss(subscription: Subscription, lost: Lost): void {
  const named = lost.map(([label]) => label);
  // The label `null` stands for every label that is not named. Which of them lost messages is unknown.
  const others = (subscription.labels ?? ["", ...subscription.kept]).filter(
    (label) => !named.includes(label),
  );
  let [known, unknown] = [0, 0];
  for (const [label, offset] of lost) {
    const mine = (label == null ? others : [label]).some((each) => subscription.accepts(each, offset));
    if (mine && label == null && (subscription.labels || !subscription.accepts("", offset))) unknown = offset;
    else if (mine) known = Math.max(known, offset);
  }
  subscription.recordLoss(known, unknown);
}

/** A channel on this page: its position, its subscriptions, and the replies that are due. Does no I/O. */
export class Channel<L extends Subscription = Subscription> {
  /** The highest offset seen. A new connection reads on from here. */
  position: Position | null = null;
  /** The epochs before that of the position. Pipes may return at positions of them. */
  past: Past = [];
  /** Newest last. */
  readonly subscriptions = new Set<L>();
  /** Subscribes sent on this connection. */
  subscribesSent = 0;
  /** The subscribes whose replies are due, which come in the same order: token, and whether for every label. */
  private due: { token: string | undefined; toAll: boolean }[] = [];

  /** The next subscribe asks why nothing comes. */
  asksHint = false;
  /** Runs until it is time for that. */
  hintTimer: number | undefined;
  /** Runs until it is time to fetch a fresh token. */
  refreshTimer: number | undefined;

  constructor(readonly name: string) {}

  /** Replies received on this connection. */
  get repliesReceived(): number {
    return this.subscribesSent - this.due.length;
  }

  /** The subscriptions that the server has not denied. */
  get allowed(): L[] {
    return [...this.subscriptions].filter(({ denied }) => !denied);
  }

  /** Return the labels of all subscriptions; null (every label) if one wants all, or if they are too many. */
  labels(): Labels {
    const union = new Set<string>();
    for (const { labels } of this.allowed) {
      if (!labels) return null;
      for (const label of labels) union.add(label);
    }
    return union.size > MAX_LABELS ? null : [...union].sort();
  }

  /** Build the next subscribe frame. Its reply starts the subscriptions that are new. */
  subscribeFrame(token?: string): ClientFrame {
    this.subscribesSent++;
    for (const subscription of this.allowed) subscription.replyNumber ||= this.subscribesSent;
    this.rewind();
    const labels = this.labels();
    const frame: ClientFrame = { type: "subscribe", channel: this.name, labels };
    this.due.push({ token, toAll: !labels });
    if (this.position) frame.since = { ...this.position };
    if (token) frame.token = token;
    if (this.asksHint) frame.hint = true;
    return frame;
  }

  /** True if a subscription waits for a subscribe that was not sent yet. */
  get waits(): boolean {
    return this.allowed.some(({ replyNumber }) => !replyNumber);
  }

  /** True if a Pipe returned whose messages the server has passed: it has to subscribe from another position. */
  get resumes(): boolean {
    return this.allowed.some(({ resume }) => resume);
  }

  /** The connection is new: replies that were due on the last one do not come. */
  reset(): void {
    this.subscribesSent = 0;
    this.due = [];
    for (const subscription of this.subscriptions) subscription.replyNumber = subscription.replayId = 0;
  }

  /**
   * The server answered a subscribe with an error, or (`ended`) has ended the subscription. Subscriptions to every
   * label are denied first, since the others may be allowed without them. Return the denied subscriptions.
   * `token` is that of the next subscribe.
   */
  deny(ended?: boolean, token?: string): L[] {
    const asked = ended ? undefined : this.due.shift();
    const sent = this.allowed.filter(({ replyNumber }) => replyNumber <= this.repliesReceived);
    const toAll = sent.filter(({ labels }) => !labels);
    const differs = asked && (asked.token !== token || (asked.toAll && !!this.labels()));
    const crossed = ended ? this.due.length > 0 : !!differs;
    // The replays of the others failed with the subscribe: they are requested again.
    for (const subscription of this.subscriptions) subscription.replayId = 0;
    return this.end(toAll.length ? toAll : sent, crossed);
  }

  /**
   * End subscriptions. If they are `crossed`, what has been said of them is older than what they ask for: they
   * subscribe again where they were. Return those that are denied.
   */
  private end(subscriptions: L[], crossed: boolean): L[] {
    for (const subscription of subscriptions) {
      subscription.deny();
      subscription.denied = !crossed;
    }
    return crossed ? [] : subscriptions;
  }

  /** Handle the reply to a subscribe, or (`ended`) labels denied later. Return the denied subscriptions. */
  handleSubscribed({ epoch, offset, denied: deniedLabels = [], past, ended }: SubscribedFrame): L[] {
    if (!ended) this.due.shift();
    for (const subscription of this.allowed) if (this.isAnswered(subscription)) subscription.takeUp();
    this.enterEpoch(epoch, past, offset);
    const denied = this.end(
      this.allowed.filter(({ labels }) => labels?.some((label) => deniedLabels.includes(label))),
      !!ended && this.due.length > 0,
    );
    this.position ??= { epoch, offset };
    const { position } = this;
    position.offset = Math.min(position.offset, offset);
    for (const subscription of this.allowed) {
      if ((subscription.position?.offset ?? 0) > offset) subscription.restart({ epoch, offset });
      if (this.isAnswered(subscription)) subscription.startAt({ epoch, offset });
      position.offset = Math.min(position.offset, subscription.position?.offset ?? offset);
    }
    return denied;
  }

  /** The subscribe was answered that starts a subscription. */
  private isAnswered({ replyNumber }: L): boolean {
    return replyNumber > 0 && replyNumber <= this.repliesReceived;
  }

  /** Move the position back for the Pipes that return. */
  private rewind(): void {
    for (const { resume } of this.allowed) {
      if (!resume) continue;
      const { epoch, offset } = resume;
      if (!this.position) {
        this.position = { epoch, offset };
        this.past = resume.past ?? [];
      }
      const { position } = this;
      const at = epoch === position.epoch ? offset : translate(this.past, resume)[0];
      position.offset = Math.min(position.offset, at);
    }
  }

  handleMessages({ epoch, messages, upto, lost = [], past }: MessagesFrame): void {
    this.enterEpoch(epoch, past);
    for (const subscription of this.subscriptions) recordLoss(subscription, lost);
    this.advance(upto, messages);
  }

  /** Move the positions up to `upto`. `rows` are the messages before it. */
  advance(upto: number, rows: readonly Row[] = []): void {
    if (this.position) this.position.offset = Math.max(this.position.offset, upto);
    for (const subscription of this.subscriptions) subscription.receive(rows, upto);
  }

  handleReplayed({ id, epoch, messages, upto, done }: ReplayedFrame): void {
    for (const subscription of this.subscriptions) {
      if (subscription.replayId !== id) continue;
      // Messages that change the epoch come first. If it is another one, the rows have no place.
      if ((subscription.position?.epoch ?? epoch) !== epoch) subscription.endReplay();
      else subscription.receiveReplay(messages, upto, done);
    }
  }

  /** Continue in another epoch. A log without history is read from `head`, if it is known. */
  private enterEpoch(epoch: string, past: Past = [], head = 0): void {
    const { position } = this;
    if (position && position.epoch !== epoch) {
      this.past = inherit(past, position.epoch, this.past);
      this.position = { epoch, offset: epoch[0] === NO_HISTORY ? head : translate(this.past, position)[0] };
    } else if (!this.past.length) this.past = past;
    for (const subscription of this.subscriptions) subscription.enterEpoch(epoch, this.past, head);
  }
}
