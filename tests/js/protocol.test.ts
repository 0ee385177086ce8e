import { describe, expect, test } from "vitest";
import { Channel } from "../../src/channel";
import { translate } from "../../src/past";
import { type ClientFrame, decode, encode, type Labels, type Past, type Position } from "../../src/protocol";
import { Subscription } from "../../src/subscription";
import vectors from "../vectors/protocol.json";

interface PipeVector {
  labels: string[] | null;
  position: Position | null;
  replay: number;
  taken: number[];
  gaps: { from: number; to: number | null; cause: string }[];
  end: Position | null;
}

/** Pass frames to subscriptions as the connection does, take their batches after each, and check them. */
function check(pipes: PipeVector[], frames: unknown[]) {
  const channel = new Channel("jobs");
  channel.position = pipes[0]?.position ? { ...pipes[0].position } : null;
  const all = pipes.map(({ labels, position, replay }) => {
    const subscription = new Subscription(labels as Labels, replay);
    channel.subscriptions.add(subscription);
    if (position) subscription.startAt(position);
    subscription.replayId = 1;
    return { subscription, taken: [] as number[], gaps: [] as unknown[] };
  });
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
    for (const { subscription, taken, gaps } of all) {
      expect(subscription.hasUpdate || !subscription.batch().lastGap).toBe(true);
      const { rows, gaps: counted, lastGap } = subscription.batch();
      taken.push(...rows.map(([offset]) => offset));
      if (lastGap) gaps.push(lastGap);
      expect(counted).toBe(lastGap && lastGap.cause !== "unknown" ? 1 : 0);
      subscription.clear();
    }
  }
  const found = all.map(({ subscription: { position }, taken, gaps }) => ({
    taken,
    gaps,
    end: position && { epoch: position.epoch, offset: position.offset },
  }));
  expect(found).toEqual(pipes.map(({ taken, gaps, end }) => ({ taken, gaps, end })));
}

describe("shared vectors", () => {
  test.each(vectors.listener)("listener: $name", ({ frames, ...pipe }) => check([pipe], frames));

  test.each(vectors.epochs)("epochs: $name", ({ frames, pipes }) => check(pipes, frames));

  test.each(vectors.translate)("translate: $name", ({ past, position, offset, loss }) => {
    expect(translate(past as unknown as Past, position)).toEqual([
      offset,
      ["none", "unknown", "lost"].indexOf(loss),
    ]);
  });

  test.each(vectors.from_server)("from the server: $name", ({ frame }) => {
    expect(decode(JSON.stringify(frame))).toEqual(frame);
  });

  test.each(vectors.from_browser.filter(({ frame }) => frame))("from the browser: $name", ({ frame }) => {
    const { since, token, ...rest } = frame as Record<string, unknown>;
    const mine = { ...rest, ...(since ? { since } : {}), ...(token ? { token } : {}) };
    // The frame has its own fields and no others.
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
  ])("decode of a malformed frame returns an error: %s", (_, data) => {
    const text = typeof data === "string" || data instanceof ArrayBuffer ? data : JSON.stringify(data);
    expect(typeof decode(text)).toBe("string");
  });

  test("decode ignores unknown fields", () => {
    expect(decode(JSON.stringify({ ...fine, mood: "good" }))).toMatchObject(fine);
  });
});

describe("encode", () => {
  const labels = Array.from({ length: 32 }, (_, n) => `${n}`.padEnd(200, "é"));

  test("encode of labels above the frame limit subscribes to every label", () => {
    const text = encode({ type: "subscribe", channel: "c", labels });
    expect(JSON.parse(text).labels).toBeNull();
    expect(
      JSON.parse(encode({ type: "subscribe", channel: "c", labels: labels.slice(0, 10) })).labels,
    ).toHaveLength(10);
  });
});

describe("channel", () => {
  test("channel subscribes to the labels of all its subscriptions", () => {
    const channel = new Channel("c");
    channel.subscriptions.add(new Subscription(["b", "a"])).add(new Subscription(["b", "c"]));
    expect(channel.labels()).toEqual(["a", "b", "c"]);
    channel.subscriptions.add(new Subscription(null));
    expect(channel.labels()).toBeNull();
  });

  test("channel with more than 32 labels subscribes to every label", () => {
    const channel = new Channel("c");
    channel.subscriptions.add(new Subscription(Array.from({ length: 32 }, (_, n) => `${n}`)));
    expect(channel.labels()).toHaveLength(32);
    channel.subscriptions.add(new Subscription(["one more"]));
    expect(channel.labels()).toBeNull();
  });

  test("subscription starts at the reply to the first subscribe after it was added", () => {
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

  test("error counts as a reply only if a reply is due", () => {
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

  test("error denies subscriptions to every label first", () => {
    const [channel, all, one] = [new Channel("c"), new Subscription(null), new Subscription(["a"])];
    channel.subscriptions.add(all).add(one);
    channel.subscribeFrame();
    expect(channel.deny()).toEqual([all]);
    expect(channel.subscribeFrame()).toMatchObject({ labels: ["a"] });
    expect(channel.deny()).toEqual([one]);
    expect(channel.allowed).toEqual([]);
  });

  test("error does not deny a subscription added after the subscribe", () => {
    const [channel, first, second] = [new Channel("c"), new Subscription(["a"]), new Subscription(["b"])];
    channel.subscriptions.add(first);
    channel.subscribeFrame();
    channel.subscriptions.add(second);
    channel.subscribeFrame();
    expect(channel.deny()).toEqual([first]);
    channel.handleSubscribed({ type: "subscribed", channel: "c", epoch: "e", offset: 3, denied: ["a"] });
    expect(second.position?.offset).toBe(3);
  });

  test("denied subscription receives nothing of its allowed labels", () => {
    const [channel, both, one] = [new Channel("c"), new Subscription(["a", "b"]), new Subscription(["a"])];
    channel.subscriptions.add(both).add(one);
    channel.subscribeFrame();
    const reply = { type: "subscribed", channel: "c", epoch: "e", offset: 3, denied: ["b"] } as const;
    expect(channel.handleSubscribed({ ...reply, denied: [...reply.denied] })).toEqual([both]);
    channel.advance(4, [[4, "a", "x", 1]]);
    expect([both.batch().rows, one.batch().rows.length]).toEqual([[], 1]);
  });

  test("channel resumes from the highest offset even if no subscription accepted it", () => {
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

test("channel that was rolled back resumes from the head", () => {
  const channel = new Channel("c");
  channel.position = { epoch: "e", offset: 57 };
  channel.handleSubscribed({ type: "subscribed", channel: "c", epoch: "e", offset: 20 });
  expect(channel.subscribeFrame()).toMatchObject({ since: { epoch: "e", offset: 20 } });
});

describe("subscription", () => {
  const open = (limit: number) => {
    const subscription = new Subscription(null);
    subscription.bufferSize = limit;
    subscription.startAt({ epoch: "e", offset: 0 });
    return subscription;
  };
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, n): [number, string, unknown, number] => [from + n, "a", n, 1]);

  test("full buffer drops the oldest rows and counts one gap", () => {
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

  test("label removed and added again starts at the new reply", () => {
    const subscription = open(9);
    subscription.setLabels(["a"], 0);
    subscription.setLabels(["b"], 0);
    subscription.setLabels(["a"], 0);
    subscription.receive(rows(1, 3), 3);
    subscription.startAt({ epoch: "e", offset: 7 });
    subscription.receive(rows(8, 8), 8);
    expect(subscription.batch().rows.map(([offset]) => offset)).toEqual([8]);
  });

  test("held rows that are dropped extend the gap of dropped waiting rows", () => {
    const subscription = open(3);
    subscription.receive(rows(1, 3), 3);
    subscription.setLabels(["b", "a"], 1);
    subscription.receive(rows(4, 7), 7);
    subscription.endReplay();
    expect(subscription.batch().lastGap).toEqual({ from: 0, to: 4, cause: "buffer" });
  });

  test("new label removed before its replay ends the wait", () => {
    const subscription = open(9);
    subscription.setLabels(["a"], 0);
    subscription.setLabels(["b", "a"], 1);
    subscription.receive(rows(1, 2), 2);
    subscription.setLabels(["a"], 0);
    expect(subscription.awaitingReplay).toBe(false);
    subscription.receive(rows(3, 3), 3);
    expect(subscription.batch().rows.map(([offset]) => offset)).toEqual([1, 2, 3]);
  });

  test("batch is kept until clear", () => {
    const subscription = open(9);
    subscription.receive(rows(1, 2), 2);
    expect(subscription.batch().rows).toHaveLength(2);
    subscription.receive(rows(3, 3), 3);
    expect(subscription.batch().rows).toHaveLength(3);
    subscription.clear();
    expect(subscription.batch().rows).toHaveLength(0);
  });

  test("hasUpdate is true for rows, a gap or a new status", () => {
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

  test("rows are held until the replay ends", () => {
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
