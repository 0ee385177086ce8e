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
const latest = new Map<string, Subscription>();

const join = (options: SubscribeOptions): Subscription =>
  connect(url, browser, noTransport).subscribe(options);

/** The commands of a page. Each slot has one Pipe. */
const commands = {
  /** Load a new, empty page. */
  load(): void {
    browser = new FakeBrowser();
    url = `ws://host/${++pages}`;
    pipes.clear();
    latest.clear();
  },

  /**
   * Mount a Pipe. Return "kept" if it got the subscription that this slot had on this channel before, "resumed"
   * if it continues at the position that it had there.
   */
  mount(slot: string, channel: string, labels: string[] | null, replay: number, limit = NORMAL): string {
    const base = { owner: OWNER, key: slot, name: slot, token: undefined, onChange: () => {} };
    const options = { ...base, channel, labels, replay, bufferSize: limit };
    const subscription = join(options);
    pipes.set(slot, { subscription, options });
    const old = latest.get(`${slot} ${channel}`);
    latest.set(`${slot} ${channel}`, subscription);
    if (subscription === old) return "kept";
    return subscription.resume ? "resumed" : "new";
  },

  unmount(slot: string): void {
    const pipe = pipes.get(slot);
    if (pipe) connect(url, browser, noTransport).unsubscribe(pipe.subscription);
  },

  /** Change the labels as the component does: unsubscribe, then subscribe again. */
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

  /** Take the next update of a Pipe: its values, its gaps and its position. */
  take(slot: string) {
    const subscription = pipes.get(slot)?.subscription;
    if (!subscription) return null;
    const { rows, gaps, lastGap } = subscription.batch();
    subscription.clear();
    const { epoch = "", offset = 0 } = subscription.position ?? {};
    const position = subscription.position && { epoch, offset };
    return { values: rows.map(([, , value]) => value), gaps, lastGap, position };
  },
};

/** Run a command. Return its result, the frames that the page sends, and the state of the page. */
export function act([name, ...given]: [keyof typeof commands, ...never[]]) {
  const result = (commands[name] as (...given: never[]) => unknown)(...given);
  browser.tick();
  const socket: FakeSocket | undefined = browser.sockets[browser.sockets.length - 1];
  const sent = socket?.sent.splice(0).map((frame) => JSON.stringify(frame)) ?? [];
  const status = Object.fromEntries(
    [...pipes].map(([slot, { subscription }]) => [slot, subscription.status]),
  );
  const told = Object.fromEntries(
    [...pipes].map(([slot, { subscription }]) => {
      const { gaps, lastGap } = subscription.batch();
      return [slot, { gaps, lastGap, position: subscription.position }];
    }),
  );
  return {
    result: result ?? null,
    sent,
    sockets: browser.sockets.length,
    state: socket?.readyState ?? 3,
    status,
    told,
  };
}
