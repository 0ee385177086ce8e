import { type Browser, type LoadTransport, report } from "./browser";
import { Channel } from "./channel";
import type { ErrorFrame, Labels, ServerFrame } from "./protocol";
import { openSocket } from "./socket";
import { Subscription } from "./subscription";

/** What a Pipe wants to hear. By `owner` (its page) and `key` one that comes back is known to be the same. */
export interface SubscribeOptions {
  owner: unknown;
  key: string;
  /** How the console names it. */
  name: string;
  channel: string;
  labels: Labels;
  replay: number;
  /** How many rows may wait. */
  bufferSize: number;
  token: string | undefined;
  /** Called when there may be something to take. */
  onChange: () => void;
}

/** A Pipe that was unmounted keeps its place for so long: navigation in a Dash app unmounts and remounts. */
const LINGER = 5000;
const REPLAY = 5000;

/** A subscription, and the Pipe it belongs to. */
interface PipeSubscription extends Subscription {
  options: SubscribeOptions;
  /** Runs while nobody is there: the Pipe was unmounted. */
  timer?: number | undefined;
}

/** The page's one conversation with an endpoint: who listens on which channel, and where each of them is. */
export interface Connection {
  /** The subscription for `options`: the one that the same Pipe left a moment ago, with its place, or a new one. */
  subscribe(options: SubscribeOptions): Subscription;
  /** The Pipe is gone; its place is kept for a while. */
  unsubscribe(subscription: Subscription): void;
}

function openConnection(url: string, browser: Browser, load: LoadTransport, ended: () => void): Connection {
  const channels = new Map<string, Channel<PipeSubscription>>();
  const dirty = new Set<Channel<PipeSubscription>>();
  let replays = 0;

  const show = (channel: Channel<PipeSubscription>): void => {
    for (const subscription of channel.subscriptions) {
      const live = link.polling ? "polling" : channel.repliesReceived && "open";
      subscription.status =
        link.refused || subscription.denied ? "denied" : (subscription.live && live) || "connecting";
      subscription.options.onChange();
    }
  };

  /** Keeps a channel that replies are still to come for: the next subscribe would take them for its own. */
  const forget = (channel: Channel<PipeSubscription>): void => {
    if (channel.subscriptions.size || channel.subscribesSent !== channel.repliesReceived) return;
    channels.delete(channel.name);
    dirty.delete(channel);
  };

  const replay = (channel: Channel<PipeSubscription>, subscription: PipeSubscription): void => {
    const id = ++replays;
    subscription.replayId = id;
    subscription.startReplay();
    link.send({
      type: "replay",
      id,
      channel: channel.name,
      labels: subscription.newLabels,
      last: subscription.replay,
    });
    browser.setTimeout(() => {
      // Asked again on another connection, it has another number.
      if (subscription.replayId !== id || !subscription.awaitingReplay) return;
      subscription.endReplay();
      show(channel);
    }, REPLAY);
  };

  const subscribe = (channel: Channel<PipeSubscription>) => {
    if (!channel.allowed.length) {
      if (channel.subscribesSent) link.send({ type: "unsubscribe", channel: channel.name });
      channel.position = null;
      return forget(channel);
    }
    let token: string | undefined;
    for (const { options } of channel.allowed) token = options.token || token;
    link.send(channel.subscribeFrame(token));
    for (const subscription of channel.allowed)
      if (subscription.awaitingReplay && !subscription.replayId) replay(channel, subscription);
  };

  const flush = (): void => {
    if (!link.ready) return;
    dirty.forEach(subscribe);
    dirty.clear();
  };

  /** Pipes that mount together are one subscribe for each channel. */
  const touch = (channel: Channel<PipeSubscription>): void => {
    dirty.add(channel);
    browser.queueMicrotask(flush);
  };

  const drop = (subscription: PipeSubscription): void => {
    const channel = channels.get(subscription.options.channel);
    if (!channel) return;
    channel.subscriptions.delete(subscription);
    touch(channel);
    for (const { subscriptions } of channels.values()) if (subscriptions.size) return;
    link.end();
    ended();
  };

  /** Where there is a cause, says it of each. */
  const say = (subscriptions: Iterable<PipeSubscription>, cause: string): void => {
    if (cause) for (const { options } of subscriptions) report(`${options.name}: ${cause}.`);
  };

  const error = ({ code, reason, final }: ErrorFrame, channel?: Channel<PipeSubscription>): void => {
    const cause = `${code}: ${reason}`;
    if (!channel) report(`${url}: ${cause}.`);
    else if (final) {
      say(channel.reject(), cause);
      // The others ask again, without what was too much.
      touch(channel);
    } else if (code !== "not_subscribed") say(channel.subscriptions, cause);
  };

  const ear = {
    opened(): void {
      for (const channel of channels.values()) {
        channel.reset();
        dirty.add(channel);
      }
      flush();
    },
    closed(): void {
      for (const channel of channels.values()) {
        channel.reset();
        say(channel.subscriptions, link.refused);
        show(channel);
        forget(channel);
      }
    },
    heard(frame: ServerFrame): void {
      if (frame.type === "ping") {
        for (const [name, upto] of Object.entries(frame.upto ?? {})) channels.get(name)?.advance(upto);
        return;
      }
      const channel = channels.get(frame.channel ?? "");
      if (frame.type === "error") error(frame, channel);
      if (!channel) return;
      if (frame.type === "subscribed")
        say(channel.handleSubscribed(frame), "denied: `authorize` refuses its label");
      if (frame.type === "messages") channel.handleMessages(frame);
      if (frame.type === "replayed") channel.handleReplayed(frame);
      show(channel);
      forget(channel);
    },
  };
  const link = openSocket(url, browser, load, ear);

  return {
    subscribe(options) {
      const channel = channels.get(options.channel) ?? new Channel<PipeSubscription>(options.channel);
      channels.set(options.channel, channel);
      const old = [...channel.subscriptions].find(
        ({ timer, options: { owner, key } }) => timer && owner === options.owner && key === options.key,
      );
      const subscription: PipeSubscription =
        old ?? Object.assign(new Subscription(options.labels, options.replay), { options });
      const anew = subscription.setLabels(options.labels, options.replay) || subscription.denied;
      if (anew) subscription.replayId = 0;
      if (!old || anew || old.options.token !== options.token) touch(channel);
      browser.clearTimeout(subscription.timer);
      subscription.timer = undefined;
      subscription.options = options;
      subscription.bufferSize = options.bufferSize;
      subscription.deliveredStatus = undefined;
      subscription.denied = false;
      say([subscription], link.refused);
      // The newest goes last: its token is the one that is sent.
      channel.subscriptions.delete(subscription);
      channel.subscriptions.add(subscription);
      show(channel);
      return subscription;
    },
    unsubscribe(left) {
      const subscription = left as PipeSubscription;
      subscription.options = { ...subscription.options, onChange: () => {} };
      subscription.timer = browser.setTimeout(() => drop(subscription), LINGER);
    },
  };
}

const connections = new Map<string, Connection>();

/** The page's connection to `url`, opened where there is none. It ends by itself. */
export function connect(url: string, browser: Browser, load: LoadTransport): Connection {
  const connection =
    connections.get(url) ?? openConnection(url, browser, load, () => connections.delete(url));
  connections.set(url, connection);
  return connection;
}
