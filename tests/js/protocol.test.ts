import { describe, expect, test } from "vitest";
import { Channel } from "../../src/channel";
import { type ClientFrame, decode, encode, type Labels, type Position } from "../../src/protocol";
import { Subscription } from "../../src/subscription";
import vectors from "../vectors/protocol.json";

/** Runs a subscription through frames as the connection does; what it takes is taken after every frame. */
function run(subscription: Subscription, frames: unknown[], position: Position | null) {
  const channel = new Channel("jobs");
  channel.subscriptions.add(subscription);
  channel.position = position && { ...position };
  if (position) subscription.startAt(position);
  subscription.replayId = 1;
  const taken: number[] = [];
  const gaps: unknown[] = [];
  for (const text of frames.map((frame) => JSON.stringify(frame))) {
    const frame = decode(text);
    if (typeof frame === "string") throw new Error(frame);
    if (frame.type === "subscribed") {
      channel.subscribeFrame();
      channel.handleSubscribed(frame);
    }
    if (frame.type === "messages") channel.handleMessages(frame);
    if (frame.type === "ping") channel.advance(frame.upto?.jobs ?? 0);
    if (frame.type === "replayed") channel.handleReplayed(frame);
    const batch = subscription.batch();
    taken.push(...batch.rows.map(([offset]) => offset));
    if (batch.lastGap) gaps.push(batch.lastGap);
    expect(batch.gaps).toBe(batch.lastGap ? 1 : 0);
    subscription.clear();
  }
  return { taken, gaps, end: subscription.position };
}

describe("the shared vectors", () => {
  test.each(vectors.listener)("listener: $name", ({ labels, position, replay, frames, taken, gaps, end }) => {
    const subscription = new Subscription(labels as Labels, replay);
    expect(run(subscription, frames, position)).toEqual({ taken, gaps, end });
  });

  test.each(vectors.from_server)("from the server: $name", ({ frame }) => {
    expect(decode(JSON.stringify(frame))).toEqual(frame);
  });

  test.each(vectors.from_browser.filter(({ frame }) => frame))("from the browser: $name", ({ frame }) => {
    const { since, token, ...rest } = frame as Record<string, unknown>;
    const mine = { ...rest, ...(since ? { since } : {}), ...(token ? { token } : {}) };
    // Written by this half, read by the other: nothing but the fields that the frame has.
    expect(JSON.parse(encode(mine as ClientFrame))).toEqual(mine);
  });
});

describe("decode", () => {
  const fine = { type: "messages", channel: "c", epoch: "e", messages: [[1, "a", null, 2]], upto: 1 };

  test.each([
    ["not JSON", "nope"],
    ["binary data", new ArrayBuffer(2)],
    ["null", "null"],
    ["a number", "1"],
    ["a list", "[]"],
    ["no type", "{}"],
    ["a type of the other direction", '{"type":"pong","n":1}'],
    ["a type that every object has", '{"type":"constructor"}'],
    ["upto is text", { ...fine, upto: "1" }],
    ["upto is negative", { ...fine, upto: -1 }],
    ["upto is true", { ...fine, upto: true }],
    ["upto is a fraction", { ...fine, upto: 1.5 }],
    ["subscribed without offset", { type: "subscribed", channel: "c", epoch: "e" }],
  ])("says what is wrong: %s", (_, data) => {
    const text = typeof data === "string" || data instanceof ArrayBuffer ? data : JSON.stringify(data);
    expect(typeof decode(text)).toBe("string");
  });

  test("takes a frame with fields it does not know", () => {
    expect(decode(JSON.stringify({ ...fine, mood: "good" }))).toMatchObject(fine);
  });
});

describe("encode", () => {
  const labels = Array.from({ length: 32 }, (_, n) => `${n}`.padEnd(200, "é"));

  test("asks for every label where the list would make the frame larger than the server takes", () => {
    const text = encode({ type: "subscribe", channel: "c", labels });
    expect(JSON.parse(text).labels).toBeNull();
    expect(
      JSON.parse(encode({ type: "subscribe", channel: "c", labels: labels.slice(0, 10) })).labels,
    ).toHaveLength(10);
  });
});

describe("a channel", () => {
  test("asks for the union of its subscriptions' labels", () => {
    const channel = new Channel("c");
    channel.subscriptions.add(new Subscription(["b", "a"])).add(new Subscription(["b", "c"]));
    expect(channel.labels()).toEqual(["a", "b", "c"]);
    channel.subscriptions.add(new Subscription(null));
    expect(channel.labels()).toBeNull();
  });

  test("asks for every label when they are more than 32", () => {
    const channel = new Channel("c");
    channel.subscriptions.add(new Subscription(Array.from({ length: 32 }, (_, n) => `${n}`)));
    expect(channel.labels()).toHaveLength(32);
    channel.subscriptions.add(new Subscription(["one more"]));
    expect(channel.labels()).toBeNull();
  });

  test("places a subscription by the reply to a subscribe that was sent after it came", () => {
    const [channel, first, second] = [new Channel("c"), new Subscription(null), new Subscription(null)];
    const reply = (offset: number) =>
      channel.handleSubscribed({ type: "subscribed", channel: "c", epoch: "e", offset });
    channel.subscriptions.add(first);
    channel.subscribeFrame();
    channel.subscriptions.add(second);
    channel.subscribeFrame();
    reply(5);
    expect([first.position?.offset, second.position]).toEqual([5, null]);
    reply(8);
    expect([first.position?.offset, second.position?.offset]).toEqual([5, 8]);
  });

  test("a refusal stands in the place of a reply, and one that comes unasked does not", () => {
    const [channel, subscription] = [new Channel("c"), new Subscription(null)];
    channel.subscriptions.add(subscription);
    channel.deny();
    expect(channel.repliesReceived).toBe(0);
    subscription.denied = false;
    channel.subscribeFrame();
    channel.deny();
    expect(channel.repliesReceived).toBe(1);
    subscription.denied = false;
    channel.subscribeFrame();
    channel.handleSubscribed({ type: "subscribed", channel: "c", epoch: "e", offset: 3 });
    expect(subscription.position?.offset).toBe(3);
  });

  test("who takes every label is denied first, and the others ask again", () => {
    const [channel, all, one] = [new Channel("c"), new Subscription(null), new Subscription(["a"])];
    channel.subscriptions.add(all).add(one);
    channel.subscribeFrame();
    expect(channel.deny()).toEqual([all]);
    expect(channel.subscribeFrame()).toMatchObject({ labels: ["a"] });
    expect(channel.deny()).toEqual([one]);
    expect(channel.allowed).toEqual([]);
  });

  test("a refusal does not deny who came after the question", () => {
    const [channel, first, second] = [new Channel("c"), new Subscription(["a"]), new Subscription(["b"])];
    channel.subscriptions.add(first);
    channel.subscribeFrame();
    channel.subscriptions.add(second);
    channel.subscribeFrame();
    expect(channel.deny()).toEqual([first]);
    channel.handleSubscribed({ type: "subscribed", channel: "c", epoch: "e", offset: 3, denied: ["a"] });
    expect(second.position?.offset).toBe(3);
  });

  test("who is denied hears nothing, also of labels that others may hear", () => {
    const [channel, both, one] = [new Channel("c"), new Subscription(["a", "b"]), new Subscription(["a"])];
    channel.subscriptions.add(both).add(one);
    channel.subscribeFrame();
    const reply = { type: "subscribed", channel: "c", epoch: "e", offset: 3, denied: ["b"] } as const;
    expect(channel.handleSubscribed({ ...reply, denied: [...reply.denied] })).toEqual([both]);
    channel.advance(4, [[4, "a", "x", 1]]);
    expect([both.batch().rows, one.batch().rows.length]).toEqual([[], 1]);
  });

  test("reads on from the highest offset it saw, also where nobody took the message", () => {
    const [channel, subscription] = [new Channel("c"), new Subscription(["a"])];
    channel.subscriptions.add(subscription);
    expect(channel.subscribeFrame()).not.toHaveProperty("since");
    channel.handleSubscribed({ type: "subscribed", channel: "c", epoch: "e", offset: 3 });
    channel.handleMessages({
      type: "messages",
      channel: "c",
      epoch: "e",
      messages: [[4, "b", 1, 1]],
      upto: 6,
    });
    channel.reset();
    expect(channel.subscribeFrame("t")).toMatchObject({ since: { epoch: "e", offset: 6 }, token: "t" });
  });
});

test("a page whose channel was rolled back reads on from there", () => {
  const channel = new Channel("c");
  channel.position = { epoch: "e", offset: 57 };
  channel.handleSubscribed({ type: "subscribed", channel: "c", epoch: "e", offset: 20 });
  expect(channel.subscribeFrame()).toMatchObject({ since: { epoch: "e", offset: 20 } });
});

describe("what waits for the page", () => {
  const open = (limit: number) => {
    const subscription = new Subscription(null);
    subscription.bufferSize = limit;
    subscription.startAt({ epoch: "e", offset: 0 });
    return subscription;
  };
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, n): [number, string, unknown, number] => [from + n, "a", n, 1]);

  test("is bounded; the oldest go, and are one gap of the update", () => {
    const subscription = open(3);
    subscription.receive(rows(1, 5), 5);
    subscription.receive(rows(6, 7), 7);
    const batch = subscription.batch();
    expect(batch.rows.map(([offset]) => offset)).toEqual([5, 6, 7]);
    expect(batch).toMatchObject({ gaps: 1, lastGap: { from: 0, to: 4, cause: "buffer" } });
    subscription.clear();
    subscription.receive(rows(8, 8), 8);
    expect(subscription.batch()).toMatchObject({ gaps: 0, lastGap: null });
  });

  test("a label that goes and comes back begins anew", () => {
    const subscription = open(9);
    subscription.setLabels(["a"], 0);
    subscription.setLabels(["b"], 0);
    subscription.setLabels(["a"], 0);
    subscription.receive(rows(1, 3), 3);
    subscription.startAt({ epoch: "e", offset: 7 });
    subscription.receive(rows(8, 8), 8);
    expect(subscription.batch().rows.map(([offset]) => offset)).toEqual([8]);
  });

  test("what was held back and cut is in the same gap as what waited before it", () => {
    const subscription = open(3);
    subscription.receive(rows(1, 3), 3);
    subscription.setLabels(["b", "a"], 1);
    subscription.receive(rows(4, 7), 7);
    subscription.endReplay();
    expect(subscription.batch().lastGap).toEqual({ from: 0, to: 4, cause: "buffer" });
  });

  test("a new label that goes before its past has come leaves nothing to wait for", () => {
    const subscription = open(9);
    subscription.setLabels(["a"], 0);
    subscription.setLabels(["b", "a"], 1);
    subscription.receive(rows(1, 2), 2);
    subscription.setLabels(["a"], 0);
    expect(subscription.awaitingReplay).toBe(false);
    subscription.receive(rows(3, 3), 3);
    expect(subscription.batch().rows.map(([offset]) => offset)).toEqual([1, 2, 3]);
  });

  test("stays until it is cleared", () => {
    const subscription = open(9);
    subscription.receive(rows(1, 2), 2);
    expect(subscription.batch().rows).toHaveLength(2);
    subscription.receive(rows(3, 3), 3);
    expect(subscription.batch().rows).toHaveLength(3);
    subscription.clear();
    expect(subscription.batch().rows).toHaveLength(0);
  });

  test("is pending for rows, for a gap and for another status", () => {
    const subscription = open(9);
    expect(subscription.hasUpdate).toBe(true);
    subscription.clear();
    expect(subscription.hasUpdate).toBe(false);
    subscription.status = "open";
    expect(subscription.hasUpdate).toBe(true);
    subscription.clear();
    subscription.recordLoss(5);
    expect(subscription.hasUpdate).toBe(true);
    subscription.clear();
    subscription.receive(rows(1, 1), 1);
    expect(subscription.hasUpdate).toBe(true);
  });

  test("waits for the past, as long as that is to come", () => {
    const subscription = new Subscription(null, 1);
    subscription.startAt({ epoch: "e", offset: 0 });
    subscription.clear();
    subscription.receive(rows(1, 1), 1);
    expect(subscription.hasUpdate).toBe(false);
    expect(subscription.batch().rows).toEqual([]);
    subscription.clear();
    subscription.endReplay();
    expect(subscription.batch().rows).toHaveLength(1);
  });
});
