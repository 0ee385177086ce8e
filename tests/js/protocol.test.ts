import { describe, expect, test } from "vitest";
import { Channel } from "../../src/channel";
import { type BrowserFrame, decode, encode, type Labels, type Position } from "../../src/protocol";
import { Listener } from "../../src/subscription";
import vectors from "../vectors/protocol.json";

/** Runs a listener through frames as the connection does; what it takes is taken after every frame. */
function run(listener: Listener, frames: unknown[], position: Position | null) {
  const channel = new Channel("jobs");
  channel.listeners.add(listener);
  channel.position = position && { ...position };
  if (position) listener.place(position);
  listener.asked = 1;
  const taken: number[] = [];
  const gaps: unknown[] = [];
  for (const text of frames.map((frame) => JSON.stringify(frame))) {
    const frame = decode(text);
    if (typeof frame === "string") throw new Error(frame);
    if (frame.type === "subscribed") {
      channel.subscribe();
      channel.subscribed(frame);
    }
    if (frame.type === "messages") channel.messages(frame);
    if (frame.type === "ping") channel.advance(frame.upto?.jobs ?? 0);
    if (frame.type === "replayed") channel.replayed(frame);
    const batch = listener.batch();
    taken.push(...batch.rows.map(([offset]) => offset));
    if (batch.lastGap) gaps.push(batch.lastGap);
    expect(batch.gaps).toBe(batch.lastGap ? 1 : 0);
    listener.clear();
  }
  return { taken, gaps, end: listener.position };
}

describe("the shared vectors", () => {
  test.each(vectors.listener)("listener: $name", ({ labels, position, replay, frames, taken, gaps, end }) => {
    const listener = new Listener(labels as Labels, replay);
    expect(run(listener, frames, position)).toEqual({ taken, gaps, end });
  });

  test.each(vectors.from_server)("from the server: $name", ({ frame }) => {
    expect(decode(JSON.stringify(frame))).toEqual(frame);
  });

  test.each(vectors.from_browser.filter(({ frame }) => frame))("from the browser: $name", ({ frame }) => {
    const { since, token, ...rest } = frame as Record<string, unknown>;
    const mine = { ...rest, ...(since ? { since } : {}), ...(token ? { token } : {}) };
    // Written by this half, read by the other: nothing but the fields that the frame has.
    expect(JSON.parse(encode(mine as BrowserFrame))).toEqual(mine);
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
  test("asks for the union of its listeners' labels", () => {
    const channel = new Channel("c");
    channel.listeners.add(new Listener(["b", "a"])).add(new Listener(["b", "c"]));
    expect(channel.labels()).toEqual(["a", "b", "c"]);
    channel.listeners.add(new Listener(null));
    expect(channel.labels()).toBeNull();
  });

  test("asks for every label when they are more than 32", () => {
    const channel = new Channel("c");
    channel.listeners.add(new Listener(Array.from({ length: 32 }, (_, n) => `${n}`)));
    expect(channel.labels()).toHaveLength(32);
    channel.listeners.add(new Listener(["one more"]));
    expect(channel.labels()).toBeNull();
  });

  test("places a listener by the reply to a subscribe that was sent after it came", () => {
    const [channel, first, second] = [new Channel("c"), new Listener(null), new Listener(null)];
    const reply = (offset: number) =>
      channel.subscribed({ type: "subscribed", channel: "c", epoch: "e", offset });
    channel.listeners.add(first);
    channel.subscribe();
    channel.listeners.add(second);
    channel.subscribe();
    reply(5);
    expect([first.position?.offset, second.position]).toEqual([5, null]);
    reply(8);
    expect([first.position?.offset, second.position?.offset]).toEqual([5, 8]);
  });

  test("a refusal stands in the place of a reply, and one that comes unasked does not", () => {
    const [channel, listener] = [new Channel("c"), new Listener(null)];
    channel.listeners.add(listener);
    channel.refused();
    expect(channel.answered).toBe(0);
    listener.denied = false;
    channel.subscribe();
    channel.refused();
    expect(channel.answered).toBe(1);
    listener.denied = false;
    channel.subscribe();
    channel.subscribed({ type: "subscribed", channel: "c", epoch: "e", offset: 3 });
    expect(listener.position?.offset).toBe(3);
  });

  test("who takes every label is denied first, and the others ask again", () => {
    const [channel, all, one] = [new Channel("c"), new Listener(null), new Listener(["a"])];
    channel.listeners.add(all).add(one);
    channel.subscribe();
    expect(channel.refused()).toEqual([all]);
    expect(channel.subscribe()).toMatchObject({ labels: ["a"] });
    expect(channel.refused()).toEqual([one]);
    expect(channel.allowed).toEqual([]);
  });

  test("a refusal does not deny who came after the question", () => {
    const [channel, first, second] = [new Channel("c"), new Listener(["a"]), new Listener(["b"])];
    channel.listeners.add(first);
    channel.subscribe();
    channel.listeners.add(second);
    channel.subscribe();
    expect(channel.refused()).toEqual([first]);
    channel.subscribed({ type: "subscribed", channel: "c", epoch: "e", offset: 3, denied: ["a"] });
    expect(second.position?.offset).toBe(3);
  });

  test("who is denied hears nothing, also of labels that others may hear", () => {
    const [channel, both, one] = [new Channel("c"), new Listener(["a", "b"]), new Listener(["a"])];
    channel.listeners.add(both).add(one);
    channel.subscribe();
    const reply = { type: "subscribed", channel: "c", epoch: "e", offset: 3, denied: ["b"] } as const;
    expect(channel.subscribed({ ...reply, denied: [...reply.denied] })).toEqual([both]);
    channel.advance(4, [[4, "a", "x", 1]]);
    expect([both.batch().rows, one.batch().rows.length]).toEqual([[], 1]);
  });

  test("reads on from the highest offset it saw, also where nobody took the message", () => {
    const [channel, listener] = [new Channel("c"), new Listener(["a"])];
    channel.listeners.add(listener);
    expect(channel.subscribe()).not.toHaveProperty("since");
    channel.subscribed({ type: "subscribed", channel: "c", epoch: "e", offset: 3 });
    channel.messages({ type: "messages", channel: "c", epoch: "e", messages: [[4, "b", 1, 1]], upto: 6 });
    channel.reset();
    expect(channel.subscribe("t")).toMatchObject({ since: { epoch: "e", offset: 6 }, token: "t" });
  });
});

test("a page whose channel was rolled back reads on from there", () => {
  const channel = new Channel("c");
  channel.position = { epoch: "e", offset: 57 };
  channel.subscribed({ type: "subscribed", channel: "c", epoch: "e", offset: 20 });
  expect(channel.subscribe()).toMatchObject({ since: { epoch: "e", offset: 20 } });
});

describe("what waits for the page", () => {
  const open = (limit: number) => {
    const listener = new Listener(null);
    listener.limit = limit;
    listener.place({ epoch: "e", offset: 0 });
    return listener;
  };
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, n): [number, string, unknown, number] => [from + n, "a", n, 1]);

  test("is bounded; the oldest go, and are one gap of the update", () => {
    const listener = open(3);
    listener.push(rows(1, 5), 5);
    listener.push(rows(6, 7), 7);
    const batch = listener.batch();
    expect(batch.rows.map(([offset]) => offset)).toEqual([5, 6, 7]);
    expect(batch).toMatchObject({ gaps: 1, lastGap: { from: 0, to: 4, cause: "buffer" } });
    listener.clear();
    listener.push(rows(8, 8), 8);
    expect(listener.batch()).toMatchObject({ gaps: 0, lastGap: null });
  });

  test("a label that goes and comes back begins anew", () => {
    const listener = open(9);
    listener.relabel(["a"], 0);
    listener.relabel(["b"], 0);
    listener.relabel(["a"], 0);
    listener.push(rows(1, 3), 3);
    listener.place({ epoch: "e", offset: 7 });
    listener.push(rows(8, 8), 8);
    expect(listener.batch().rows.map(([offset]) => offset)).toEqual([8]);
  });

  test("what was held back and cut is in the same gap as what waited before it", () => {
    const listener = open(3);
    listener.push(rows(1, 3), 3);
    listener.relabel(["b", "a"], 1);
    listener.push(rows(4, 7), 7);
    listener.release();
    expect(listener.batch().lastGap).toEqual({ from: 0, to: 4, cause: "buffer" });
  });

  test("a new label that goes before its past has come leaves nothing to wait for", () => {
    const listener = open(9);
    listener.relabel(["a"], 0);
    listener.relabel(["b", "a"], 1);
    listener.push(rows(1, 2), 2);
    listener.relabel(["a"], 0);
    expect(listener.holding).toBe(false);
    listener.push(rows(3, 3), 3);
    expect(listener.batch().rows.map(([offset]) => offset)).toEqual([1, 2, 3]);
  });

  test("stays until it is cleared", () => {
    const listener = open(9);
    listener.push(rows(1, 2), 2);
    expect(listener.batch().rows).toHaveLength(2);
    listener.push(rows(3, 3), 3);
    expect(listener.batch().rows).toHaveLength(3);
    listener.clear();
    expect(listener.batch().rows).toHaveLength(0);
  });

  test("is pending for rows, for a gap and for another status", () => {
    const listener = open(9);
    expect(listener.pending).toBe(true);
    listener.clear();
    expect(listener.pending).toBe(false);
    listener.status = "open";
    expect(listener.pending).toBe(true);
    listener.clear();
    listener.lost(5);
    expect(listener.pending).toBe(true);
    listener.clear();
    listener.push(rows(1, 1), 1);
    expect(listener.pending).toBe(true);
  });

  test("waits for the past, as long as that is to come", () => {
    const listener = new Listener(null, 1);
    listener.place({ epoch: "e", offset: 0 });
    listener.clear();
    listener.push(rows(1, 1), 1);
    expect(listener.pending).toBe(false);
    expect(listener.batch().rows).toEqual([]);
    listener.clear();
    listener.release();
    expect(listener.batch().rows).toHaveLength(1);
  });
});
