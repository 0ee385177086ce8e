import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { connect } from "../../src/connection";
import type { SubscribeOptions } from "../../src/pipe_subscription";
import type { Subscription } from "../../src/subscription";
import { FakeBrowser, messages, noTransport, subscribed } from "./fakes";
import { consoleSpies } from "./spies";

/** Pipes that are unmounted for longer than their subscription is kept, and return. */

let browser: FakeBrowser;
let pages = 0;
let url: string;

beforeEach(() => {
  browser = new FakeBrowser();
  consoleSpies();
  url = `ws://positions/${++pages}`;
});
afterEach(() => vi.restoreAllMocks());

const owner = {};
const at = (offset: number, epoch = "e1") => ({ epoch, offset });

function options(key: string, more: Partial<SubscribeOptions> = {}): SubscribeOptions {
  const base = { owner, key, name: key, channel: "jobs", labels: null, replay: 0, bufferSize: 1000 };
  return { ...base, token: undefined, onChange: () => {}, ...more };
}

const mount = (key: string, more: Partial<SubscribeOptions> = {}) => {
  const subscription = connect(url, browser, noTransport).subscribe(options(key, more));
  browser.tick();
  return subscription;
};

function unmount(subscription: Subscription): void {
  connect(url, browser, noTransport).unsubscribe(subscription);
  browser.pass(5000);
}

/** Mount a Pipe at offset 5, next to another one if `shared`, and take its update. */
function listening({ shared = false, ...more }: Partial<SubscribeOptions> & { shared?: boolean } = {}) {
  const other = shared ? mount("other") : null;
  const pipe = mount("x", more);
  browser.socket.open();
  browser.socket.hear(subscribed("jobs", 5));
  pipe.clear();
  return { pipe, other };
}

function open(): void {
  browser.socket.open();
}

const denied = { type: "error", code: "denied", reason: "no", channel: "jobs", final: true };
const offsets = (subscription: Subscription) => subscription.batch().rows.map(([offset]) => offset);
const frames = (...types: string[]) => browser.socket.sent.filter(({ type }) => types.includes(`${type}`));

describe("Pipe that returns", () => {
  test("alone on its channel subscribes since its position and receives what it missed", () => {
    unmount(listening().pipe);
    const pipe = mount("x");
    open();
    expect(browser.socket.last).toEqual({ type: "subscribe", channel: "jobs", labels: null, since: at(5) });
    browser.socket.hear(subscribed("jobs", 7, { recovered: true }));
    browser.socket.hear(
      messages("jobs", [
        [6, "a", 1],
        [7, "a", 2],
      ]),
    );
    expect([offsets(pipe), pipe.status]).toEqual([[6, 7], "open"]);
  });

  test("on a channel with other Pipes subscribes anew, and they get nothing twice", () => {
    const { pipe, other } = listening({ shared: true });
    unmount(pipe);
    browser.socket.hear(subscribed("jobs", 5), messages("jobs", [[6, "a", 1]]));
    const back = mount("x");
    const [, end, begin] = frames("subscribe", "unsubscribe").slice(-3);
    expect([end?.type, begin?.since]).toEqual(["unsubscribe", at(5)]);
    // On its way from before: it must not move the position of the Pipe that returns.
    browser.socket.hear(messages("jobs", [[7, "a", 2]]));
    browser.socket.hear(subscribed("jobs", 7));
    browser.socket.hear(
      messages("jobs", [
        [6, "a", 1],
        [7, "a", 2],
        [8, "a", 3],
      ]),
    );
    expect(offsets(back)).toEqual([6, 7, 8]);
    expect(other && offsets(other)).toEqual([6, 7, 8]);
  });

  test("whose connection breaks before the missed messages came subscribes since its position again", () => {
    const { pipe } = listening({ shared: true });
    unmount(pipe);
    browser.socket.hear(subscribed("jobs", 5), messages("jobs", [[6, "a", 1]]));
    mount("x");
    browser.socket.hear(messages("jobs", [[7, "a", 2]]), subscribed("jobs", 7));
    browser.socket.drop(1006);
    browser.pass(5000);
    open();
    expect(browser.socket.last).toMatchObject({ type: "subscribe", since: at(5) });
  });

  test("that leaves before the reply keeps its position", () => {
    unmount(listening().pipe);
    unmount(mount("x"));
    mount("x");
    open();
    expect(browser.socket.last).toMatchObject({ since: at(5) });
  });

  test("receives what was waiting when it left", () => {
    const { pipe } = listening();
    browser.socket.hear(messages("jobs", [[6, "a", 1]]));
    unmount(pipe);
    mount("x");
    open();
    expect(browser.socket.last).toMatchObject({ since: at(5) });
  });

  test("is told of a loss that was not delivered when it left", () => {
    const { pipe } = listening();
    browser.socket.hear(messages("jobs", [[3, "a", 1]], { epoch: "e2" }));
    unmount(pipe);
    const back = mount("x");
    open();
    expect(browser.socket.last).toMatchObject({ since: at(5) });
    browser.socket.hear(subscribed("jobs", 3, { epoch: "e2", recovered: false }));
    expect(back.batch().lastGap).toEqual({ from: 5, to: null, cause: "epoch" });
    browser.socket.hear(messages("jobs", [[3, "a", 1]], { epoch: "e2" }));
    expect(offsets(back)).toEqual([3]);
  });

  test("to a log without history continues at its head, without a gap", () => {
    unmount(listening().pipe);
    const back = mount("x");
    open();
    browser.socket.hear(subscribed("jobs", 9, { epoch: "~2" }));
    expect([back.position, back.batch().gaps]).toEqual([at(9, "~2"), 0]);
  });

  test("to a log that was rolled back counts a gap and continues at its head", () => {
    unmount(listening().pipe);
    const back = mount("x");
    open();
    browser.socket.hear(subscribed("jobs", 2));
    expect([back.position, back.batch().lastGap?.cause]).toEqual([at(2), "epoch"]);
  });

  test("with replay gets the replay up to its position, then all that it missed", () => {
    unmount(listening().pipe);
    const back = mount("x", { replay: 2 });
    open();
    browser.socket.hear(subscribed("jobs", 8), messages("jobs", [[6, "a", 1]], { upto: 6 }));
    const rows = [
      [5, "b", 0, 1],
      [7, "a", 2, 1],
      [8, "a", 3, 1],
    ];
    const [{ id } = {}] = frames("replay");
    browser.socket.hear({
      ...{ type: "replayed", id, channel: "jobs", epoch: "e1" },
      ...{ messages: rows, upto: 8, done: true },
    });
    expect(offsets(back)).toEqual([5, 6]);
    browser.socket.hear(
      messages("jobs", [
        [7, "a", 2],
        [8, "a", 3],
      ]),
    );
    expect(offsets(back)).toEqual([5, 6, 7, 8]);
  });

  test("whose labels change before the reply continues with the labels that stay", () => {
    const { pipe } = listening({ labels: ["a"] });
    unmount(pipe);
    const back = mount("x", { labels: ["a"] });
    connect(url, browser, noTransport).unsubscribe(back);
    mount("x", { labels: ["a", "b"] });
    open();
    expect(browser.socket.last).toMatchObject({ labels: ["a", "b"], since: at(5) });
    browser.socket.hear(subscribed("jobs", 7));
    browser.socket.hear(
      messages("jobs", [
        [6, "a", 1],
        [7, "b", 2],
        [8, "b", 3],
      ]),
    );
    expect(offsets(back)).toEqual([6, 8]);
  });

  test.each([
    ["page", { owner: {} }],
    ["id", { key: "y" }],
    ["label", { labels: ["a"] }],
    ["channel", { channel: "prices" }],
  ])("with another %s starts at the head", (_, more: Partial<SubscribeOptions>) => {
    unmount(listening().pipe);
    mount("x", more);
    open();
    expect(browser.socket.last).not.toHaveProperty("since");
  });

  test("that was denied subscribes since its position", () => {
    const { pipe } = listening();
    browser.socket.hear(denied);
    unmount(pipe);
    mount("x");
    open();
    expect(browser.socket.last).toMatchObject({ since: at(5) });
  });

  test("that was denied before the first reply starts at the head", () => {
    const pipe = mount("x");
    open();
    browser.socket.hear(denied);
    unmount(pipe);
    mount("x");
    open();
    expect(browser.socket.last).not.toHaveProperty("since");
  });

  test("after a thousand others is forgotten", () => {
    unmount(listening().pipe);
    const others = Array.from({ length: 1000 }, (_, n) => mount(`other ${n}`));
    open();
    browser.socket.hear(subscribed("jobs", 6));
    const { unsubscribe } = connect(url, browser, noTransport);
    for (const each of others) unsubscribe.call(connect(url, browser, noTransport), each);
    browser.pass(5000);
    mount("other 0");
    mount("x");
    open();
    expect(browser.socket.last).toMatchObject({ since: at(6) });
  });
});
