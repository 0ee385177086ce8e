import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Channel } from "../../src/channel";
import { connect } from "../../src/connection";
import { updateProps } from "../../src/props";
import type { MessagesFrame, Past, Row } from "../../src/protocol";
import { type PipePosition, Subscription } from "../../src/subscription";
import { FakeBrowser, messages, noTransport, subscribed } from "./fakes";
import { consoleSpies } from "./spies";

/** What the shared vectors do not reach: changes of labels, Pipes that return, and the properties. */

const at = (offset: number, epoch = "e1") => ({ epoch, offset });
const rows = (...offsets: number[]): Row[] => offsets.map((offset) => [offset, "a", offset, 1]);
const offsets = (subscription: Subscription) => subscription.batch().rows.map(([offset]) => offset);

/** A subscription at offset 5 of the epoch e1. */
function started(labels: string[] | null = null, replay = 0, offset = 5): Subscription {
  const subscription = new Subscription(labels, replay);
  subscription.startAt(at(offset));
  subscription.clear();
  return subscription;
}

/** A frame without rows: labels that are not named have lost messages. */
const losing = (lost: number, upto: number): MessagesFrame => ({
  type: "messages",
  channel: "c",
  epoch: "e1",
  messages: [],
  upto,
  lost: [[null, lost]],
});

describe("subscription that crosses to another epoch", () => {
  test("labels added above the end of the epoch start at that end", () => {
    const subscription = started(["b"]);
    subscription.setLabels(["a", "b"], 0);
    subscription.startAt(at(9));
    subscription.enterEpoch("e2", [["e1", 7, 9]], 0);
    subscription.receive(rows(6, 7, 8), 8);
    expect(offsets(subscription)).toEqual([8]);
  });

  test("labels added in an epoch that continues keep their start", () => {
    const subscription = started(["b"]);
    subscription.setLabels(["a", "b"], 0);
    subscription.startAt(at(9));
    subscription.enterEpoch("e2", [["e1", 9, 9]], 0);
    subscription.receive(rows(9, 10), 10);
    expect(offsets(subscription)).toEqual([10]);
  });

  test("known labels in a log that goes back start at the end of the epoch", () => {
    const subscription = started(["a"], 0, 9);
    subscription.setLabels(["a", "b"], 0);
    subscription.startAt(at(9));
    subscription.enterEpoch("e2", [["e1", 7, 9]], 0);
    subscription.receive(rows(7, 8), 8);
    expect(offsets(subscription)).toEqual([8]);
  });

  test("labels that have not started start at the reply", () => {
    const subscription = started(["b"]);
    subscription.setLabels(["a", "b"], 0);
    subscription.enterEpoch("e2", [["e1", 5, 9]], 0);
    subscription.receive(rows(6), 6);
    expect([offsets(subscription), subscription.live]).toEqual([[], false]);
  });

  test("shared loss before every label has started is unknown for a label that stays", () => {
    const channel = new Channel("c");
    const subscription = started(["a"]);
    channel.subscriptions.add(subscription);
    subscription.setLabels(null, 0);
    channel.handleMessages(losing(8, 9));
    expect(subscription.batch()).toMatchObject({ gaps: 0, lastGap: { cause: "unknown", to: 8 } });
    subscription.clear();
    subscription.startAt(at(9));
    channel.handleMessages(losing(11, 12));
    expect(subscription.batch()).toMatchObject({ gaps: 1, lastGap: { cause: "window", to: 11 } });
  });

  test("losses above the end of the epoch do not cover those of the next one", () => {
    const subscription = started();
    subscription.recordLoss(9);
    subscription.clear();
    subscription.enterEpoch("e2", [["e1", 5, 9]], 0);
    subscription.clear();
    subscription.recordLoss(8);
    expect(subscription.batch()).toMatchObject({ gaps: 1, lastGap: { from: 5, to: 8, cause: "window" } });
  });

  test("unknown losses above the end of the epoch do not cover those of the next one", () => {
    const subscription = started();
    subscription.recordLoss(0, 9);
    subscription.enterEpoch("e2", [["e1", 5, 9]], 0);
    subscription.clear();
    subscription.recordLoss(0, 8);
    expect(subscription.batch().lastGap).toEqual({ from: 5, to: 8, cause: "unknown" });
  });

  test("unknown loss does not hide one that is counted in the same update", () => {
    const subscription = started();
    subscription.recordLoss(9);
    subscription.enterEpoch("e2", [["e1", 5, null]], 0);
    const counted = { from: 5, to: 9, cause: "window" };
    expect(subscription.batch()).toMatchObject({ gaps: 1, lastGap: counted });
    subscription.clear();
    subscription.enterEpoch("e3", [["e2", 5, null]], 0);
    subscription.enterEpoch("e4", [["e3", 5, 6]], 0);
    expect(subscription.batch()).toMatchObject({ gaps: 1, lastGap: { cause: "epoch" } });
  });

  test("unknown loss is an update that counts no gap", () => {
    const subscription = started();
    subscription.deliveredStatus = subscription.status;
    subscription.recordLoss(0, 7);
    const lastGap = { from: 5, to: 7, cause: "unknown" };
    expect(subscription.hasUpdate).toBe(true);
    expect(updateProps("jobs", subscription.batch(), { status: "connecting", n_gaps: 1 })).toEqual({
      last_gap: lastGap,
    });
    subscription.clear();
    subscription.recordLoss(0, 7);
    expect(subscription.hasUpdate).toBe(false);
  });

  test("unknown loss that was not delivered waits for the Pipe to return", () => {
    const subscription = started();
    subscription.enterEpoch("e2", [["e1", 5, null]], 0);
    expect(subscription.delivered).toMatchObject(at(5));
    subscription.clear();
    expect(subscription.delivered).toMatchObject(at(5, "e2"));
  });

  test("replay goes on, and its rows come before the held ones", () => {
    const subscription = started(null, 2);
    subscription.startReplay(1);
    subscription.receive(rows(6), 6);
    subscription.enterEpoch("e2", [["e1", 6, 6]], 0);
    expect(subscription.live).toBe(false);
    subscription.receiveReplay(rows(4, 5), 5, true);
    expect(offsets(subscription)).toEqual([4, 5, 6]);
  });

  test("positions of a log without history begin at its head", () => {
    const channel = new Channel("c");
    const subscription = started();
    channel.subscriptions.add(subscription);
    channel.position = at(5);
    channel.handleSubscribed({ ...subscribed("c", 9, { epoch: "~e2" }), type: "subscribed" });
    expect([channel.position, subscription.position, subscription.batch().gaps]).toEqual([
      at(9, "~e2"),
      at(9, "~e2"),
      0,
    ]);
  });
});

describe("channel whose Pipes return at positions of other epochs", () => {
  /** Return the position that a page says if these Pipes return, after it came to e2, or to nothing. */
  function since(live: PipePosition | null, ...resumes: PipePosition[]) {
    const channel = new Channel("c");
    if (live) {
      const subscription = new Subscription(null);
      subscription.startAt(live);
      channel.subscriptions.add(subscription);
      channel.position = { ...live };
      channel.handleMessages({
        ...{ type: "messages", channel: "c", epoch: "e2", messages: [], upto: 9 },
        past: [["e1", 6, 8]],
      });
    }
    for (const resume of resumes) channel.subscriptions.add(new Subscription(null, 0, resume));
    const frames = [channel.subscribeFrame(), channel.subscribeFrame()];
    expect(frames[1]).toEqual(frames[0]); // the next one before the reply is the same
    return frames[0] && "since" in frames[0] ? frames[0].since : undefined;
  }

  test("present epoch: the lowest offset", () => {
    expect(since(at(8), at(7, "e2"), at(8, "e2"))).toEqual(at(7, "e2"));
  });

  test("earlier epoch: the lowest translated offset in the present one", () => {
    expect(since(at(8), at(7))).toEqual(at(6, "e2"));
    expect(since(at(8), at(7), at(5, "e2"))).toEqual(at(5, "e2"));
    expect(since(at(8), at(5))).toEqual(at(5, "e2"));
  });

  test("epoch that the past does not name: all that the log has", () => {
    expect(since(at(8), at(7, "e0"))).toEqual(at(0, "e2"));
  });

  test("no other Pipe: its epoch", () => {
    expect(since(null, at(7), at(6))).toEqual(at(6));
    expect(since(null, at(7), at(8, "e2"))?.offset).toBe(0);
  });

  test("since names no more than the position", () => {
    const left = new Map([["e0", 0]]);
    expect(since(null, { ...at(7), left })).toStrictEqual(at(7));
  });

  test("log without a past: all that it has", () => {
    const channel = new Channel("c");
    channel.position = at(8);
    const frame = { type: "messages", channel: "c", messages: [], upto: 9 } as const;
    channel.handleMessages({ ...frame, messages: [], epoch: "e2", past: [["e1", 6, 8]] });
    channel.handleMessages({ ...frame, messages: [], epoch: "e3" });
    channel.subscriptions.add(new Subscription(null, 0, at(5)));
    expect(channel.subscribeFrame()).toMatchObject({ since: at(0, "e3") });
  });

  test("channel that had no Pipe: nothing is known of the past", () => {
    const channel = new Channel("c");
    channel.position = at(8);
    const frame = { type: "messages", channel: "c", epoch: "e3", messages: [], upto: 9 } as const;
    channel.handleMessages({ ...frame, messages: [], past: [["e2", 6, 8]] });
    channel.position = null;
    for (const resume of [at(7), at(6, "e2")]) channel.subscriptions.add(new Subscription(null, 0, resume));
    expect(channel.subscribeFrame()).toMatchObject({ since: at(0) });
  });

  test("reply in the present epoch translates the position of the Pipe", () => {
    const channel = new Channel("c");
    channel.subscriptions.add(started());
    channel.position = at(5);
    const frame = { type: "messages", channel: "c", epoch: "e2", messages: [], upto: 9 } as const;
    channel.handleMessages({ ...frame, messages: [], past: [["e1", 6, 8]] });
    const back = new Subscription(null, 0, at(7));
    channel.subscriptions.add(back);
    channel.subscribeFrame();
    channel.handleSubscribed({ type: "subscribed", channel: "c", epoch: "e2", offset: 9 });
    expect(back.batch()).toMatchObject({ gaps: 1, lastGap: { from: 6, to: null, cause: "epoch" } });
    channel.handleMessages({ ...frame, messages: rows(7, 8, 9) });
    expect(offsets(back)).toEqual([7, 8, 9]);
  });
});

describe("channel whose log forgets epochs", () => {
  const enter = (channel: Channel, epoch: string, past: Past, ...rows_: Row[]) =>
    channel.handleMessages({ type: "messages", channel: "c", epoch, messages: rows_, upto: 9, past });

  test("Pipe that returns at a position of a forgotten epoch gets nothing twice", () => {
    const channel = new Channel("c");
    channel.subscriptions.add(started());
    channel.position = at(5);
    enter(channel, "e2", [["e1", 5, 5]]);
    enter(channel, "e3", [["e1", 5, 5]]);
    enter(channel, "e4", [["e1", 5, 5]]);
    const back = new Subscription(null, 0, at(7, "e2"));
    channel.subscriptions.add(back);
    channel.subscribeFrame();
    const reply = { type: "subscribed", channel: "c", epoch: "e4", offset: 9 } as const;
    channel.handleSubscribed({ ...reply, past: [["e1", 5, 5]] });
    channel.handleMessages({ ...reply, type: "messages", messages: rows(4, 5, 6), upto: 9 });
    expect(back.batch()).toMatchObject({ gaps: 1, lastGap: { from: 5, to: null, cause: "epoch" } });
    expect(offsets(back)).toEqual([6]);
  });

  test("page keeps a bounded number of them, and gets nothing twice", () => {
    const channel = new Channel("c");
    const subscription = started();
    channel.subscriptions.add(subscription);
    channel.position = at(5);
    for (let number = 2; number < 100; number++)
      enter(channel, `e${number}`, [["e1", 5, 5]], ...rows(4, 5, number + 4));
    expect(offsets(subscription)).toEqual(Array.from({ length: 98 }, (_, number) => number + 6));
    expect(channel.past.length).toBeLessThan(40);
  });
});

describe("Pipe that returns in another epoch", () => {
  let browser: FakeBrowser;
  let url: string;
  let pages = 0;
  const owner = {};
  beforeEach(() => {
    browser = new FakeBrowser();
    consoleSpies();
    url = `ws://epochs/${++pages}`;
  });
  afterEach(() => vi.restoreAllMocks());

  const mount = (key: string, replay = 0) => {
    const base = { owner, key, name: key, channel: "jobs", labels: null, bufferSize: 1000 };
    const connection = connect(url, browser, noTransport);
    const subscription = connection.subscribe({ ...base, replay, token: undefined, onChange: () => {} });
    browser.tick();
    return subscription;
  };
  const unmount = (subscription: Subscription) => {
    connect(url, browser, noTransport).unsubscribe(subscription);
    browser.pass(5000);
  };
  const moved = (epoch: string, offset: number, past: Past) =>
    messages("jobs", [[offset, "a", 1]], { epoch, past });

  /** Mount two Pipes at offset 5 of e1, cross to e2 and take the updates. */
  function crossed() {
    const pipes = [mount("other"), mount("x")] as const;
    browser.socket.open();
    browser.socket.hear(subscribed("jobs", 5), moved("e2", 6, [["e1", 5, 5]]));
    for (const pipe of pipes) pipe.clear();
    return pipes;
  }

  test("hears of a loss in an epoch that it left before", () => {
    const [, pipe] = crossed();
    unmount(pipe);
    browser.socket.hear(subscribed("jobs", 6, { epoch: "e2" }));
    const back = mount("x");
    const past = [
      ["e1", 5, 8],
      ["e2", 6, 6],
    ];
    browser.socket.hear(subscribed("jobs", 6, { epoch: "e3", past }));
    expect(back.batch()).toMatchObject({ gaps: 1, lastGap: { from: 6, to: null, cause: "epoch" } });
  });

  test("alone, at a position of an epoch that the log has forgotten, gets nothing twice", () => {
    const past: Past = [["e1", 5, 5]];
    const pipe = mount("x");
    browser.socket.open();
    browser.socket.hear(subscribed("jobs", 6, { epoch: "e2", past }));
    pipe.clear();
    unmount(pipe); // the connection ends, and the page forgets the channel
    const back = mount("x");
    browser.socket.open();
    const window = [4, 5, 7].map((offset): [number, string, number] => [offset, "a", offset]);
    browser.socket.hear(
      subscribed("jobs", 7, { epoch: "e3", past }),
      messages("jobs", window, { epoch: "e3", past }),
    );
    expect(offsets(back)).toEqual([7]);
    expect(back.batch()).toMatchObject({ gaps: 1, lastGap: { from: 5, to: null, cause: "epoch" } });
  });

  test("hears of a loss that came between its last update and its return", () => {
    const [, pipe] = crossed();
    connect(url, browser, noTransport).unsubscribe(pipe);
    const past: Past = [
      ["e1", 5, 8],
      ["e2", 6, 6],
    ];
    browser.socket.hear(moved("e3", 7, past));
    browser.pass(5000);
    browser.socket.hear(subscribed("jobs", 7, { epoch: "e3" }));
    const back = mount("x");
    browser.socket.hear(subscribed("jobs", 7, { epoch: "e3", past }));
    expect(back.batch().gaps).toBe(1);
  });

  test("receives the rest of its replay up to its position, then messages", () => {
    const [, pipe] = crossed();
    unmount(pipe);
    browser.socket.hear(subscribed("jobs", 6, { epoch: "e2" }));
    const back = mount("x", 2);
    const id = browser.socket.last?.id;
    const past = [["e2", 6, 6]];
    const replayed = { type: "replayed", id, channel: "jobs", epoch: "e3", upto: 7, done: true };
    browser.socket.hear(
      subscribed("jobs", 7, { epoch: "e3", past }),
      messages("jobs", [[7, "a", 1]], { epoch: "e3" }),
      { ...replayed, messages: rows(6, 7) },
    );
    expect([offsets(back), back.batch().gaps]).toEqual([[6, 7], 0]);
  });
});
