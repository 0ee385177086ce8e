import { type Browser, type LoadTransport, report } from "./browser";
import { Channel } from "./channel";
import { newestToken, refreshToken } from "./fresh_tokens";
import { PipeSubscription, type SubscribeOptions } from "./pipe_subscription";
import { positions } from "./positions";
import type { ErrorFrame, PingFrame, ServerFrame } from "./protocol";
import { Socket, type SocketHandlers } from "./socket";
import type { Status, Subscription } from "./subscription";

/** How long an unmounted Pipe keeps its subscription, in milliseconds: navigation unmounts and remounts. */
const LINGER = 5000;
/** How long a Pipe waits for its replay, in milliseconds. */
const REPLAY_TIMEOUT = 5000;
/** How long after a subscribe the page asks why nothing comes, in milliseconds, if Dash's dev tools are on. */
const HINT_DELAY = 5000;
/** How long after a request for a fresh token that was not answered the page retries, in seconds. */
const REFRESH_RETRY = 5;
/** The longest delay of a timer, in milliseconds. */
const MAX_DELAY = 2 ** 31 - 1;

type PipeChannel = Channel<PipeSubscription>;

/** The page's connection to one endpoint: its channels, their subscriptions and the socket that they share. */
export class Connection implements SocketHandlers {
  private readonly socket: Socket;
  private readonly channels = new Map<string, PipeChannel>();
  /** Channels whose subscribe has to be sent. */
  private readonly dirty = new Set<PipeChannel>();
  private replays = 0;

  constructor(
    private readonly url: string,
    private readonly browser: Browser,
    load: LoadTransport,
    private readonly onEnd: () => void,
  ) {
    this.socket = new Socket(url, browser, load, this);
    this.socket.start();
  }

  /**
   * Subscribe a Pipe. A Pipe that was unmounted a moment ago gets its old subscription; one that was unmounted
   * earlier continues at its position.
   */
  subscribe({ token, ...rest }: SubscribeOptions): Subscription {
    const options = { ...rest, token: newestToken(token) };
    const channel = this.channels.get(options.channel) ?? new Channel<PipeSubscription>(options.channel);
    this.channels.set(options.channel, channel);
    const previous = [...channel.subscriptions].find((each) => each.isLingering(options));
    const resume = positions.take(this.url, options);
    const subscription = previous ?? new PipeSubscription(options, resume);
    const changed = subscription.setLabels(options.labels, options.replay) || subscription.denied;
    if (changed) subscription.replayId = 0;
    if (!previous || changed || previous.options.token !== options.token) this.scheduleSubscribe(channel);
    if (options.debug && (!previous || changed)) this.scheduleHint(channel);
    this.browser.clearTimeout(subscription.lingerTimer);
    subscription.mount(options);
    reportEach([subscription], this.socket.rejection);
    // The newest comes last: its token is the one that is sent.
    channel.subscriptions.delete(subscription);
    channel.subscriptions.add(subscription);
    this.updateStatus(channel);
    return subscription;
  }

  /** The Pipe was unmounted. Its subscription is kept for a while, in case it returns. */
  unsubscribe(subscription: Subscription): void {
    const left = subscription as PipeSubscription;
    left.unmount(this.browser.setTimeout(() => this.remove(left), LINGER));
  }

  onOpen(): void {
    for (const channel of this.channels.values()) {
      channel.reset();
      this.dirty.add(channel);
    }
    this.flush();
  }

  onClose(): void {
    for (const channel of this.channels.values()) {
      channel.reset();
      reportEach(channel.subscriptions, this.socket.rejection);
      this.updateStatus(channel);
      this.removeIfUnused(channel);
    }
  }

  onFrame(frame: ServerFrame): void {
    if (frame.type === "ping") {
      this.handlePing(frame);
      return;
    }
    const channel = this.channels.get(frame.channel ?? "");
    if (frame.type === "error") this.handleError(frame, channel);
    if (!channel) return;
    if (frame.type === "subscribed") {
      handleHint(channel, frame.hint);
      this.scheduleRefresh(channel, frame.refresh);
      reportEach(
        channel.handleSubscribed(frame),
        "denied: `authorize` or its `token` does not allow its label",
      );
      if (channel.waits) this.scheduleSubscribe(channel);
    }
    if (frame.type === "messages") channel.handleMessages(frame);
    if (frame.type === "replayed") channel.handleReplayed(frame);
    this.updateStatus(channel);
    this.removeIfUnused(channel);
  }

  private handlePing({ upto = {} }: PingFrame): void {
    for (const [name, offset] of Object.entries(upto)) this.channels.get(name)?.advance(offset);
  }

  private handleError({ code, reason, final, ended }: ErrorFrame, channel?: PipeChannel): void {
    const cause = `${code}: ${reason}`;
    if (!channel) report(`${this.url}: ${cause}.`);
    else if (final) {
      reportEach(channel.deny(ended, tokenOf(channel)), cause);
      // The others subscribe again, without what was rejected.
      this.scheduleSubscribe(channel);
    } else if (code !== "not_subscribed") reportEach(channel.subscriptions, cause);
  }

  private updateStatus(channel: PipeChannel): void {
    for (const subscription of channel.subscriptions) {
      subscription.status = this.statusOf(subscription, channel);
      subscription.options.onChange();
    }
  }

  private statusOf({ denied, live }: PipeSubscription, { repliesReceived }: PipeChannel): Status {
    if (this.socket.rejection || denied) return "denied";
    if (!live) return "connecting";
    if (this.socket.polling) return "polling";
    return repliesReceived ? "open" : "connecting";
  }

  /** Send a subscribe soon: Pipes that mount together send one for each channel. */
  private scheduleSubscribe(channel: PipeChannel): void {
    this.dirty.add(channel);
    this.browser.queueMicrotask(() => this.flush());
  }

  private scheduleHint(channel: PipeChannel): void {
    channel.hintTimer ??= this.browser.setTimeout(() => {
      channel.hintTimer = undefined;
      channel.asksHint = true;
      if (channel.allowed.length) this.scheduleSubscribe(channel);
    }, HINT_DELAY);
  }

  /** Fetch a fresh token in so many seconds, if the server says when. */
  private scheduleRefresh(channel: PipeChannel, seconds: number | undefined): void {
    this.browser.clearTimeout(channel.refreshTimer);
    const token = tokenOf(channel);
    if (!token || seconds === undefined) return;
    const delay = Math.min(MAX_DELAY, seconds * 1000);
    channel.refreshTimer = this.browser.setTimeout(() => this.refresh(channel, token), delay);
  }

  private async refresh(channel: PipeChannel, token: string): Promise<void> {
    try {
      if (!(await refreshToken(this.browser, this.url, channel.name, token))) return;
      for (const { options } of channel.subscriptions) options.token = newestToken(options.token);
      this.scheduleSubscribe(channel);
    } catch {
      this.scheduleRefresh(channel, REFRESH_RETRY);
    }
  }

  private flush(): void {
    if (!this.socket.ready) return;
    for (const channel of this.dirty) this.sendSubscribe(channel);
    this.dirty.clear();
  }

  private sendSubscribe(channel: PipeChannel): void {
    if (!channel.allowed.length) {
      this.sendUnsubscribe(channel);
      return;
    }
    // A second subscribe would keep the server's position.
    if (channel.resumes && channel.subscribesSent)
      this.socket.send({ type: "unsubscribe", channel: channel.name });
    this.socket.send(channel.subscribeFrame(tokenOf(channel)));
    for (const subscription of channel.allowed) {
      if (subscription.awaitingReplay && !subscription.replayId) this.sendReplay(channel, subscription);
    }
  }

  private sendUnsubscribe(channel: PipeChannel): void {
    if (channel.subscribesSent) this.socket.send({ type: "unsubscribe", channel: channel.name });
    channel.position = null;
    this.removeIfUnused(channel);
  }

  private sendReplay(channel: PipeChannel, subscription: PipeSubscription): void {
    const id = ++this.replays;
    subscription.startReplay(id);
    const { newLabels: labels, replay: last } = subscription;
    this.socket.send({ type: "replay", id, channel: channel.name, labels, last });
    this.browser.setTimeout(() => {
      // A replay that was requested again, on another connection, has another id.
      if (subscription.replayId !== id || !subscription.awaitingReplay) return;
      subscription.endReplay();
      this.updateStatus(channel);
    }, REPLAY_TIMEOUT);
  }

  /** Remove a subscription, and end the connection with the last one. */
  private remove(subscription: PipeSubscription): void {
    const channel = this.channels.get(subscription.options.channel);
    if (!channel) return;
    channel.subscriptions.delete(subscription);
    if (!channel.subscriptions.size) this.browser.clearTimeout(channel.refreshTimer);
    const { options, labels, leftAt } = subscription;
    positions.keep(this.url, { ...options, labels }, leftAt && { ...leftAt, past: channel.past });
    this.scheduleSubscribe(channel);
    for (const { subscriptions } of this.channels.values()) if (subscriptions.size) return;
    this.socket.stop();
    this.onEnd();
  }

  /** Remove an empty channel, unless replies are due: the next subscribe would take them for its own. */
  private removeIfUnused(channel: PipeChannel): void {
    if (channel.subscriptions.size || channel.subscribesSent !== channel.repliesReceived) return;
    this.channels.delete(channel.name);
    this.dirty.delete(channel);
  }
}

/** Return the token of a channel: that of its newest Pipe that has one. */
function tokenOf(channel: PipeChannel): string | undefined {
  let token: string | undefined;
  for (const { options } of channel.allowed) token = options.token || token;
  return token;
}

function handleHint(channel: PipeChannel, hint: string | undefined): void {
  if (hint !== undefined) channel.asksHint = false;
  if (hint) console.warn(`[dash-pipe] ${hint}.`);
}

/** Report `cause` for each subscription, if there is a cause. */
function reportEach(subscriptions: Iterable<PipeSubscription>, cause: string): void {
  if (cause) for (const { options } of subscriptions) report(`${options.name}: ${cause}.`);
}

const connections = new Map<string, Connection>();

/** Return the page's connection to `url`. It is opened for the first subscription and ends with the last one. */
export function connect(url: string, browser: Browser, load: LoadTransport): Connection {
  const connection =
    connections.get(url) ?? new Connection(url, browser, load, () => connections.delete(url));
  connections.set(url, connection);
  return connection;
}
