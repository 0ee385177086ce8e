import { type Browser, type LoadFallback, report } from "./browser";
import { Channel } from "./channel";
import type { Labels, Refusal, ServerFrame } from "./protocol";
import { openLink } from "./socket";
import { Listener } from "./subscription";

/** What a Pipe wants to hear. By `owner` (its page) and `key` one that comes back is known to be the same. */
export interface Wish {
  owner: unknown;
  key: string;
  /** How the console names it. */
  name: string;
  channel: string;
  labels: Labels;
  replay: number;
  /** How many rows may wait. */
  limit: number;
  token: string | undefined;
  /** Called when there may be something to take. */
  wake: () => void;
}

/** A Pipe that was unmounted keeps its place for so long: navigation in a Dash app unmounts and remounts. */
const LINGER = 5000;
const REPLAY = 5000;

/** A listener, and the Pipe it belongs to. */
interface Member extends Listener {
  wish: Wish;
  /** Runs while nobody is there: the Pipe was unmounted. */
  timer?: number | undefined;
}

/** The page's one conversation with an endpoint: who listens on which channel, and where each of them is. */
export interface Connection {
  /** The listener for `wish`: the one that the same Pipe left a moment ago, with its place, or a new one. */
  join(wish: Wish): Listener;
  /** The Pipe is gone; its place is kept for a while. */
  leave(listener: Listener): void;
}

function openConnection(url: string, browser: Browser, load: LoadFallback, ended: () => void): Connection {
  const channels = new Map<string, Channel<Member>>();
  const dirty = new Set<Channel<Member>>();
  let replays = 0;

  const show = (channel: Channel<Member>): void => {
    for (const member of channel.listeners) {
      const live = link.polling ? "polling" : channel.answered && "open";
      member.status = link.refused || member.denied ? "denied" : (member.placed && live) || "connecting";
      member.wish.wake();
    }
  };

  /** Keeps a channel that replies are still to come for: the next subscribe would take them for its own. */
  const forget = (channel: Channel<Member>): void => {
    if (channel.listeners.size || channel.sent !== channel.answered) return;
    channels.delete(channel.name);
    dirty.delete(channel);
  };

  const replay = (channel: Channel<Member>, member: Member): void => {
    const id = ++replays;
    member.asked = id;
    member.ask();
    link.send({ type: "replay", id, channel: channel.name, labels: member.fresh, last: member.replay });
    browser.setTimeout(() => {
      // Asked again on another connection, it has another number.
      if (member.asked !== id || !member.holding) return;
      member.release();
      show(channel);
    }, REPLAY);
  };

  const subscribe = (channel: Channel<Member>) => {
    if (!channel.allowed.length) {
      if (channel.sent) link.send({ type: "unsubscribe", channel: channel.name });
      channel.position = null;
      return forget(channel);
    }
    let token: string | undefined;
    for (const { wish } of channel.allowed) token = wish.token || token;
    link.send(channel.subscribe(token));
    for (const member of channel.allowed) if (member.holding && !member.asked) replay(channel, member);
  };

  const flush = (): void => {
    if (!link.ready) return;
    dirty.forEach(subscribe);
    dirty.clear();
  };

  /** Pipes that mount together are one subscribe for each channel. */
  const touch = (channel: Channel<Member>): void => {
    dirty.add(channel);
    browser.queueMicrotask(flush);
  };

  const drop = (member: Member): void => {
    const channel = channels.get(member.wish.channel);
    if (!channel) return;
    channel.listeners.delete(member);
    touch(channel);
    for (const { listeners } of channels.values()) if (listeners.size) return;
    link.end();
    ended();
  };

  /** Where there is a cause, says it of each. */
  const say = (members: Iterable<Member>, cause: string): void => {
    if (cause) for (const { wish } of members) report(`${wish.name}: ${cause}.`);
  };

  const error = ({ code, reason, final }: Refusal, channel?: Channel<Member>): void => {
    const cause = `${code}: ${reason}`;
    if (!channel) report(`${url}: ${cause}.`);
    else if (final) {
      say(channel.refused(), cause);
      // The others ask again, without what was too much.
      touch(channel);
    } else if (code !== "not_subscribed") say(channel.listeners, cause);
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
        say(channel.listeners, link.refused);
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
        say(channel.subscribed(frame), "denied: `authorize` refuses its label");
      if (frame.type === "messages") channel.messages(frame);
      if (frame.type === "replayed") channel.replayed(frame);
      show(channel);
      forget(channel);
    },
  };
  const link = openLink(url, browser, load, ear);

  return {
    join(wish) {
      const channel = channels.get(wish.channel) ?? new Channel<Member>(wish.channel);
      channels.set(wish.channel, channel);
      const old = [...channel.listeners].find(
        ({ timer, wish: { owner, key } }) => timer && owner === wish.owner && key === wish.key,
      );
      const member: Member = old ?? Object.assign(new Listener(wish.labels, wish.replay), { wish });
      const anew = member.relabel(wish.labels, wish.replay) || member.denied;
      if (anew) member.asked = 0;
      if (!old || anew || old.wish.token !== wish.token) touch(channel);
      browser.clearTimeout(member.timer);
      member.timer = undefined;
      member.wish = wish;
      member.limit = wish.limit;
      member.shown = undefined;
      member.denied = false;
      say([member], link.refused);
      // The newest goes last: its token is the one that is sent.
      channel.listeners.delete(member);
      channel.listeners.add(member);
      show(channel);
      return member;
    },
    leave(listener) {
      const member = listener as Member;
      member.wish = { ...member.wish, wake: () => {} };
      member.timer = browser.setTimeout(() => drop(member), LINGER);
    },
  };
}

const connections = new Map<string, Connection>();

/** The page's connection to `url`, opened where there is none. It ends by itself. */
export function connect(url: string, browser: Browser, load: LoadFallback): Connection {
  const connection =
    connections.get(url) ?? openConnection(url, browser, load, () => connections.delete(url));
  connections.set(url, connection);
  return connection;
}
