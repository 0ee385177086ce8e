import { connect } from "../../src/connection";
import type { SubscribeOptions } from "../../src/pipe_subscription";
import type { Subscription } from "../../src/subscription";
import { FakeBrowser, type FakeSocket, noTransport } from "./fakes";

const OWNER = {};
const NORMAL = 1000;

let browser = new FakeBrowser();
let url = "";
let pages = 0;
const pipes = new Map<string, { subscription: Subscription; options: SubscribeOptions }>();
/** The last subscription of each slot on each channel. */
const places = new Map<string, Subscription>();

const join = (options: SubscribeOptions): Subscription =>
  connect(url, browser, noTransport).subscribe(options);

/** What a page can be told to do, one Pipe in each slot. */
const commands = {
  /** A new page, with nothing on it. */
  load(): void {
    browser = new FakeBrowser();
    url = `ws://host/${++pages}`;
    pipes.clear();
    places.clear();
  },

  /** Returns whether it is the Pipe that was in this slot on this channel a moment ago. */
  mount(slot: string, channel: string, labels: string[] | null, replay: number, limit = NORMAL): boolean {
    const base = { owner: OWNER, key: slot, name: slot, token: undefined, onChange: () => {} };
    const options = { ...base, channel, labels, replay, bufferSize: limit };
    const subscription = join(options);
    pipes.set(slot, { subscription, options });
    const old = places.get(`${slot} ${channel}`);
    places.set(`${slot} ${channel}`, subscription);
    return subscription === old;
  },

  unmount(slot: string): void {
    const pipe = pipes.get(slot);
    if (pipe) connect(url, browser, noTransport).unsubscribe(pipe.subscription);
  },

  /** As the component does it: it leaves and comes back. */
  relabel(slot: string, labels: string[] | null): void {
    const pipe = pipes.get(slot);
    if (!pipe) return;
    const connection = connect(url, browser, noTransport);
    connection.unsubscribe(pipe.subscription);
    pipe.options = { ...pipe.options, labels };
    pipe.subscription = connection.subscribe(pipe.options);
  },

  open: (): void => browser.socket.open(),
  drop: (code: number): void => browser.socket.drop(code),
  hear: (...frames: string[]): void => browser.socket.hear(...frames),
  pass: (ms: number): void => browser.pass(ms),
  look: (): void => {},

  /** What a Pipe's next update would have in it: offsets, values, gaps, and of which epoch it is. */
  take(slot: string) {
    const subscription = pipes.get(slot)?.subscription;
    if (!subscription) return null;
    const { rows, gaps, lastGap } = subscription.batch();
    subscription.clear();
    return { values: rows.map(([, , value]) => value), gaps, lastGap, position: subscription.position };
  },
};

/** Does a command; returns what it returned, what the page sends, and how it is. */
export function act([name, ...given]: [keyof typeof commands, ...never[]]) {
  const result = (commands[name] as (...given: never[]) => unknown)(...given);
  browser.tick();
  const socket: FakeSocket | undefined = browser.sockets[browser.sockets.length - 1];
  const sent = socket?.sent.splice(0).map((frame) => JSON.stringify(frame)) ?? [];
  const status = Object.fromEntries(
    [...pipes].map(([slot, { subscription }]) => [slot, subscription.status]),
  );
  return {
    result: result ?? null,
    sent,
    sockets: browser.sockets.length,
    state: socket?.readyState ?? 3,
    status,
  };
}
