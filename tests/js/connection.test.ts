import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Connection, connect } from "../../src/connection";
import type { SubscribeOptions } from "../../src/pipe_subscription";
import { FakeBrowser, messages, noTransport, subscribed } from "./fakes";
import { consoleSpies } from "./spies";

let browser: FakeBrowser;
let spies: ReturnType<typeof consoleSpies>;
let pages = 0;
let url: string;

beforeEach(() => {
  browser = new FakeBrowser();
  spies = consoleSpies();
  url = `ws://host/${++pages}`;
});
afterEach(() => vi.restoreAllMocks());

const owner = {};
const at5 = { epoch: "e1", offset: 5 };
function options(more: Partial<SubscribeOptions> = {}): SubscribeOptions {
  const base = {
    owner,
    key: "x",
    name: "Pipe x",
    channel: "jobs",
    labels: null,
    replay: 0,
    bufferSize: 1000,
  };
  return { ...base, token: undefined, onChange: () => {}, ...more };
}

/** Subscribe on an open connection, and answer. */
function listening(more: Partial<SubscribeOptions> = {}) {
  const connection = connect(url, browser, noTransport);
  const subscription = connection.subscribe(options(more));
  browser.socket.open();
  browser.socket.hear(subscribed("jobs", 5));
  return { connection, subscription };
}

const offsets = (subscription: ReturnType<Connection["subscribe"]>) =>
  subscription.batch().rows.map(([offset]) => offset);
const types = () => browser.socket.sent.map(({ type }) => type);

describe("connection", () => {
  test("Pipes of one address share one socket and one subscribe for each channel", () => {
    const connection = connect(url, browser, noTransport);
    expect(connect(url, browser, noTransport)).toBe(connection);
    browser.socket.open();
    connection.subscribe(options({ labels: ["a"] }));
    connection.subscribe(options({ labels: ["b"], key: "y" }));
    connection.subscribe(options({ channel: "prices", key: "z", token: "t" }));
    expect(browser.socket.sent).toEqual([]);
    browser.tick();
    expect(browser.socket.sent).toEqual([
      { type: "subscribe", channel: "jobs", labels: ["a", "b"] },
      { type: "subscribe", channel: "prices", labels: null, token: "t" },
    ]);
    expect([browser.sockets.length, browser.socket.subprotocol]).toEqual([1, "dash-pipe.v1"]);
  });

  test("subscription on a new message delivers it and calls onChange", () => {
    const onChange = vi.fn();
    const { subscription } = listening({ onChange });
    expect(subscription.status).toBe("open");
    onChange.mockClear();
    browser.socket.hear(messages("jobs", [[6, "a", 1]]));
    expect(offsets(subscription)).toEqual([6]);
    expect(onChange).toHaveBeenCalled();
  });

  test("ping is answered at once and moves the position up to its upto", () => {
    const { subscription } = listening();
    browser.socket.hear({ type: "ping", n: 7, upto: { jobs: 9, unknown: 3 } });
    expect(browser.socket.last).toEqual({ type: "pong", n: 7 });
    expect(subscription.position).toEqual({ epoch: "e1", offset: 9 });
  });

  test("malformed frame is reported and the next frame is handled", () => {
    const { subscription } = listening();
    browser.socket.hear("nonsense", { type: "gossip" }, messages("jobs", [[6, "a", 1]]));
    expect(spies.error).toHaveBeenCalledTimes(2);
    expect(offsets(subscription)).toEqual([6]);
  });

  test("normal operation logs nothing", () => {
    listening();
    browser.socket.hear(messages("jobs", [[6, "a", 1]]));
    browser.socket.drop(1006);
    browser.pass(20_000);
    browser.socket.open();
    expect([spies.error, spies.warn].map((spy) => spy.mock.calls.length)).toEqual([0, 0]);
  });
});

describe("reconnect", () => {
  test("subscribe on a new connection names the position as since", () => {
    const { subscription } = listening();
    browser.socket.hear(messages("jobs", [[6, "a", 1]], { upto: 8 }));
    browser.socket.drop(1006);
    expect(subscription.status).toBe("connecting");
    browser.pass(5000);
    browser.socket.open();
    const since = { epoch: "e1", offset: 8 };
    expect(browser.socket.sent).toEqual([{ type: "subscribe", channel: "jobs", labels: null, since }]);
    browser.socket.hear(subscribed("jobs", 9, { recovered: true }), messages("jobs", [[9, "a", 2]]));
    expect([offsets(subscription), subscription.status]).toEqual([[6, 9], "open"]);
  });

  test("failing connection retries forever with delays that grow from 0.3 s to 15 s", () => {
    connect(url, browser, noTransport).subscribe(options());
    browser.chance = 1;
    const delays = Array.from({ length: 9 }, () => {
      browser.socket.drop(1006);
      const delay = Math.min(...browser.waits);
      browser.pass(delay);
      return delay;
    });
    expect(delays).toEqual([600, 1200, 2400, 4800, 9600, 15_000, 15_000, 15_000, 15_000]);
    browser.chance = 0;
    browser.socket.drop(1006);
    expect(browser.waits).toEqual([300]);
  });

  test.each([1001, 1006, 1012])("close code %i spreads the first retry", (code) => {
    listening();
    browser.chance = 0.5;
    browser.socket.drop(code);
    expect(browser.waits).toEqual([300 + 2000]);
    browser.pass(2300);
    browser.socket.drop(1006);
    expect(browser.waits).toEqual([450]);
  });

  test.each([1003, 1009, 1013, 4400, 4408])("close code %i does not spread the first retry", (code) => {
    listening();
    browser.chance = 0.5;
    browser.socket.drop(code);
    expect(browser.waits).toEqual([450]);
  });

  test.each(["online", "pageshow", "visibilitychange"])("%s event reconnects at once", (event) => {
    listening();
    browser.socket.drop(1006);
    browser.emit(event);
    expect(browser.sockets).toHaveLength(2);
    browser.pass(9000);
    expect(browser.sockets).toHaveLength(2);
  });

  test("visibilitychange of a hidden page does not reconnect", () => {
    listening();
    browser.socket.drop(1006);
    browser.document.visibilityState = "hidden";
    browser.emit("visibilitychange");
    expect(browser.sockets).toHaveLength(1);
  });

  test("handshake times out after 10 s", () => {
    connect(url, browser, noTransport).subscribe(options());
    const first = browser.socket;
    browser.pass(9999);
    expect(first.readyState).toBe(0);
    browser.pass(500);
    expect([first.readyState, browser.sockets.length]).toEqual([3, 2]);
  });

  test("silent connection times out after 1.6 heartbeats", () => {
    listening();
    const first = browser.socket;
    browser.pass(15_000);
    first.hear({ type: "ping", n: 1 });
    browser.pass(15_999);
    expect(first.readyState).toBe(1);
    browser.pass(1);
    expect(first.readyState).toBe(3);
    browser.pass(300);
    expect(browser.sockets).toHaveLength(2);
  });

  test("page that slept checks the timeout when it becomes visible", () => {
    listening();
    const first = browser.socket;
    browser.sleep(15_000);
    browser.emit("visibilitychange");
    expect(first.readyState).toBe(1);
    browser.sleep(1000);
    browser.emit("visibilitychange");
    expect(first.readyState).toBe(3);
  });

  test("late frame of a timed out connection is ignored", () => {
    const { subscription } = listening();
    const first = browser.socket;
    browser.pass(16_000);
    first.hear(messages("jobs", [[6, "a", 1]]));
    expect(offsets(subscription)).toEqual([]);
  });
});

describe("unmounted Pipe", () => {
  test("same Pipe mounted within 5 s keeps its position and the messages since", () => {
    const { connection, subscription } = listening();
    connection.unsubscribe(subscription);
    browser.pass(4999);
    browser.socket.hear(messages("jobs", [[6, "a", 1]]));
    const back = connection.subscribe(options());
    browser.pass(6000);
    expect(back).toBe(subscription);
    expect(offsets(back)).toEqual([6]);
    expect(types()).toEqual(["subscribe"]);
    browser.socket.hear(messages("jobs", [[7, "a", 2]]));
    expect(offsets(back)).toEqual([6, 7]);
  });

  test("same Pipe mounted again gets the status again", () => {
    const { connection, subscription } = listening();
    subscription.clear();
    connection.unsubscribe(subscription);
    expect(connection.subscribe(options()).hasUpdate).toBe(true);
  });

  test("another Pipe after an unsubscribe starts at the head", () => {
    const { connection, subscription } = listening();
    connection.subscribe(options({ channel: "prices" }));
    const other = connection.subscribe(options({ key: "y" }));
    browser.tick();
    for (const one of [subscription, other]) connection.unsubscribe(one);
    browser.pass(5000);
    expect(browser.socket.last).toEqual({ type: "unsubscribe", channel: "jobs" });
    connection.subscribe(options({ key: "z" }));
    browser.tick();
    expect(browser.socket.last).toEqual({ type: "subscribe", channel: "jobs", labels: null });
  });

  test.each([
    ["page", { owner: {} }],
    ["id or labels", { key: "other" }],
    ["channel", { channel: "prices" }],
  ])("Pipe with another %s gets a new subscription", (_, other) => {
    const { connection, subscription } = listening();
    connection.unsubscribe(subscription);
    expect(connection.subscribe(options(other))).not.toBe(subscription);
  });

  test("mounted Pipe keeps its subscription when its twin mounts", () => {
    const { connection, subscription } = listening();
    expect(connection.subscribe(options())).not.toBe(subscription);
  });

  test("subscription is removed after 5 s and those of other Pipes stay", () => {
    const { connection, subscription } = listening({ labels: ["a"] });
    const other = connection.subscribe(options({ key: "y", labels: ["b"] }));
    connection.subscribe(options({ key: "z", channel: "prices" }));
    browser.tick();
    browser.socket.hear(subscribed("jobs", 5), subscribed("prices", 0));
    connection.unsubscribe(subscription);
    browser.pass(5000);
    expect(browser.socket.last).toMatchObject({ type: "subscribe", channel: "jobs", labels: ["b"] });
    connection.unsubscribe(other);
    browser.pass(4999);
    expect(types()).not.toContain("unsubscribe");
    browser.pass(1);
    expect(browser.socket.last).toEqual({ type: "unsubscribe", channel: "jobs" });
    expect(browser.socket.readyState).toBe(1);
  });

  test("last subscription removed closes the socket and leaves no timer or event listener", () => {
    const { connection, subscription } = listening();
    expect(browser.listening).toBe(3);
    connection.unsubscribe(subscription);
    browser.pass(5000);
    expect([browser.socket.readyState, browser.listening, browser.waits]).toEqual([3, 0, []]);
    expect(connect(url, browser, noTransport)).not.toBe(connection);
  });

  test("channel subscribed again ignores the reply to its earlier subscribe", () => {
    const connection = connect(url, browser, noTransport);
    const first = connection.subscribe(options());
    connection.subscribe(options({ channel: "prices" }));
    browser.socket.open();
    connection.unsubscribe(first);
    browser.pass(5000);
    const second = connection.subscribe(options());
    browser.tick();
    browser.socket.hear(subscribed("jobs", 5));
    expect(second.position).toBeNull();
    browser.socket.hear(subscribed("jobs", 8));
    expect(second.position).toEqual({ epoch: "e1", offset: 8 });
  });

  test("new token is sent and the position is kept", () => {
    const { connection, subscription } = listening({ token: "old" });
    connection.unsubscribe(subscription);
    expect(connection.subscribe(options({ token: "new" }))).toBe(subscription);
    browser.tick();
    expect(browser.socket.last).toMatchObject({ type: "subscribe", token: "new" });
  });
});

describe("changed labels", () => {
  test("labels that stay keep their messages through the new subscribe", () => {
    const { connection, subscription } = listening({ labels: ["a", "b"] });
    browser.socket.hear(
      messages("jobs", [
        [6, "a", 1],
        [7, "b", 2],
      ]),
    );
    connection.unsubscribe(subscription);
    expect(connection.subscribe(options({ labels: ["b", "c"] }))).toBe(subscription);
    browser.tick();
    expect(browser.socket.last).toEqual({
      ...{ type: "subscribe", channel: "jobs", labels: ["b", "c"] },
      since: { epoch: "e1", offset: 7 },
    });
    expect(subscription.status).toBe("connecting");
    browser.socket.hear(
      messages("jobs", [
        [8, "b", 3],
        [9, "c", 4],
      ]),
      subscribed("jobs", 9),
    );
    browser.socket.hear(messages("jobs", [[10, "c", 5]]));
    expect([offsets(subscription), subscription.status]).toEqual([[7, 8, 10], "open"]);
  });

  test("only new labels are replayed", () => {
    const { connection, subscription } = listening({ labels: ["a"] });
    connection.unsubscribe(subscription);
    connection.subscribe(options({ labels: ["a", "b"], replay: 1 }));
    browser.tick();
    expect(browser.socket.last).toMatchObject({ type: "replay", id: 1, labels: ["b"], last: 1 });
    browser.socket.hear(
      subscribed("jobs", 6),
      messages("jobs", [
        [6, "a", 1],
        [7, "b", 1],
      ]),
    );
    expect(subscription.status).toBe("connecting");
    const past = messages("jobs", [[4, "b", 0]], { type: "replayed", id: 1, upto: 6, done: true });
    browser.socket.hear(past);
    expect([offsets(subscription), subscription.status]).toEqual([[4, 6, 7], "open"]);
  });

  /** "a" was at 5, "b" was replayed up to 7, then both were chosen: messages 6 and 7 are still to come. */
  function replayedAhead() {
    const { connection, subscription } = listening({ labels: ["a"] });
    const change = (labels: string[], replay: number) => {
      connection.unsubscribe(subscription);
      connection.subscribe(options({ labels, replay }));
      browser.tick();
    };
    change(["b"], 1);
    const past = messages("jobs", [[7, "b", 1]], { type: "replayed", id: 1, upto: 7, done: true });
    browser.socket.hear(subscribed("jobs", 7), past);
    change(["a", "b"], 0);
    return subscription;
  }

  test("replayed messages that come after one more change are dropped", () => {
    const subscription = replayedAhead();
    browser.socket.hear(
      messages("jobs", [
        [6, "b", 0],
        [7, "b", 1],
        [8, "b", 2],
      ]),
    );
    expect(offsets(subscription)).toEqual([7, 8]);
  });

  test("replayed label in a new epoch receives all messages", () => {
    const subscription = replayedAhead();
    browser.socket.hear(messages("jobs", [[1, "b", 2]], { epoch: "e2" }));
    expect(offsets(subscription)).toEqual([7, 1]);
  });

  test("replayed label in a log that was rolled back receives all messages above the head", () => {
    const subscription = replayedAhead();
    browser.socket.drop(1006);
    browser.pass(300);
    browser.socket.open();
    browser.socket.hear(subscribed("jobs", 5), messages("jobs", [[6, "b", 2]]));
    expect(offsets(subscription)).toEqual([7, 6]);
  });

  test("held messages are delivered when the next labels are not replayed", () => {
    const { connection, subscription } = listening({ labels: ["a"] });
    connection.unsubscribe(subscription);
    connection.subscribe(options({ labels: ["a", "b"], replay: 1 }));
    browser.socket.hear(messages("jobs", [[6, "a", 1]]));
    expect(offsets(subscription)).toEqual([]);
    connection.unsubscribe(subscription);
    connection.subscribe(options({ labels: ["a", "c"] }));
    expect(offsets(subscription)).toEqual([6]);
  });
});

test("channel removed and added while disconnected is subscribed on reconnect", () => {
  const connection = connect(url, browser, noTransport);
  connection.subscribe(options({ channel: "prices" }));
  connection.unsubscribe(connection.subscribe(options({ key: "y" })));
  browser.pass(5000);
  browser.socket.drop(1006);
  const subscription = connection.subscribe(options());
  browser.pass(600);
  browser.socket.open();
  browser.socket.hear(subscribed("prices", 0), subscribed("jobs", 5));
  expect(subscription.status).toBe("open");
});

const replayed = (id: number) => ({
  ...messages("jobs", [[4, "a", 0]]),
  type: "replayed",
  id,
  upto: 5,
  done: true,
});

describe("replay", () => {
  test("replay is requested after the subscribe and delivered first", () => {
    const { subscription } = listening({ replay: 2, labels: ["a"] });
    expect(subscription.status).toBe("connecting");
    expect(browser.socket.sent[1]).toEqual({
      type: "replay",
      id: 1,
      channel: "jobs",
      labels: ["a"],
      last: 2,
    });
    browser.socket.hear(messages("jobs", [[6, "a", 1]]));
    expect(offsets(subscription)).toEqual([]);
    browser.socket.hear(replayed(1));
    expect(offsets(subscription)).toEqual([4, 6]);
  });

  test("replay times out after 5 s and held messages are delivered", () => {
    const onChange = vi.fn();
    const { subscription } = listening({ replay: 1, onChange });
    browser.socket.hear(messages("jobs", [[6, "a", 1]]));
    browser.pass(4999);
    expect(offsets(subscription)).toEqual([]);
    onChange.mockClear();
    browser.pass(1);
    expect(offsets(subscription)).toEqual([6]);
    expect(onChange).toHaveBeenCalled();
    browser.socket.hear(replayed(1));
    expect(offsets(subscription)).toEqual([6]);
  });

  test("replay is requested once when another Pipe subscribes", () => {
    const { connection } = listening({ replay: 1 });
    connection.subscribe(options({ key: "y" }));
    browser.tick();
    expect(types()).toEqual(["subscribe", "replay", "subscribe"]);
  });

  test("replay timeout starts again on a new connection", () => {
    const { subscription } = listening({ replay: 1 });
    browser.pass(4000);
    browser.socket.drop(1006);
    browser.pass(300);
    browser.socket.open();
    browser.socket.hear(subscribed("jobs", 5), messages("jobs", [[6, "a", 1]]));
    browser.pass(4999);
    expect(offsets(subscription)).toEqual([]);
    browser.pass(1);
    expect(offsets(subscription)).toEqual([6]);
  });

  test("replay is requested again on a new connection only while it is due", () => {
    const { subscription } = listening({ replay: 1 });
    browser.socket.drop(1006);
    browser.pass(300);
    browser.socket.open();
    browser.socket.hear(subscribed("jobs", 5), replayed(2));
    expect(offsets(subscription)).toEqual([4]);
    browser.socket.drop(1006);
    browser.pass(300);
    browser.socket.open();
    expect(types()).toEqual(["subscribe"]);
  });
});

describe("errors and rejections", () => {
  const denied = { type: "error", code: "denied", reason: "no permission", channel: "jobs", final: true };

  test.each(["denied", "too_many_labels", "too_many_channels"])(
    "error %s denies its channel and no other",
    (code) => {
      const connection = connect(url, browser, noTransport);
      const [bad, good] = [
        connection.subscribe(options()),
        connection.subscribe(options({ channel: "prices", key: "y" })),
      ];
      browser.socket.open();
      browser.socket.hear({ ...denied, code }, subscribed("prices", 0));
      expect([bad.status, good.status]).toEqual(["denied", "open"]);
      expect(String(spies.error.mock.calls)).toMatch(/\[dash-pipe\] Pipe x.*no permission/);
      browser.socket.drop(1006);
      browser.pass(4300);
      browser.socket.open();
      expect(browser.socket.sent.map(({ channel }) => channel)).toEqual(["prices"]);
    },
  );

  test("denied label denies only its Pipe", () => {
    const connection = connect(url, browser, noTransport);
    const bad = connection.subscribe(options({ key: "bad", labels: ["b"] }));
    const good = connection.subscribe(options({ key: "good", labels: ["a"] }));
    browser.socket.open();
    browser.socket.hear(subscribed("jobs", 5, { denied: ["b"] }));
    expect([bad.status, good.status]).toEqual(["denied", "open"]);
    expect(String(spies.error.mock.calls)).toMatch(/\[dash-pipe\] Pipe x.*denied: .* its label/);
    browser.socket.drop(1006);
    browser.pass(4300);
    browser.socket.open();
    expect(browser.socket.last).toMatchObject({ type: "subscribe", labels: ["a"] });
  });

  test("label denied later denies only its Pipe, and the next replies are counted right", () => {
    const connection = connect(url, browser, noTransport);
    const bad = connection.subscribe(options({ key: "bad", labels: ["b"] }));
    const good = connection.subscribe(options({ key: "good", labels: ["a"] }));
    browser.socket.open();
    browser.socket.hear(subscribed("jobs", 5), subscribed("jobs", 7, { denied: ["b"], ended: true }));
    expect([bad.status, good.status]).toEqual(["denied", "open"]);
    const third = connection.subscribe(options({ key: "third", labels: ["c"] }));
    browser.tick();
    const fourth = connection.subscribe(options({ key: "fourth", labels: ["d"] }));
    browser.tick();
    browser.socket.hear(subscribed("jobs", 7));
    expect([third.status, fourth.status]).toEqual(["open", "connecting"]);
    browser.socket.hear(subscribed("jobs", 7));
    expect(fourth.status).toBe("open");
  });

  test("denial that comes later ends the Pipe, and no other channel", () => {
    const { connection, subscription } = listening();
    const good = connection.subscribe(options({ channel: "prices", key: "y" }));
    browser.tick();
    browser.socket.hear(subscribed("prices", 0), messages("jobs", [[6, "a", 1]]), denied);
    expect([subscription.status, good.status]).toEqual(["denied", "open"]);
    expect(browser.socket.last).toEqual({ type: "unsubscribe", channel: "jobs" });
    browser.socket.hear(messages("prices", [[1, "a", 2]]));
    expect([offsets(subscription), offsets(good)]).toEqual([[6], [1]]);
  });

  test("error denies the Pipe of every label first and the others subscribe again", () => {
    const connection = connect(url, browser, noTransport);
    const all = connection.subscribe(options({ key: "all", labels: null }));
    const one = connection.subscribe(options({ key: "one", labels: ["a"] }));
    browser.socket.open();
    browser.socket.hear(denied);
    expect(browser.socket.last).toMatchObject({ type: "subscribe", labels: ["a"] });
    browser.socket.hear(subscribed("jobs", 5));
    expect([all.status, one.status]).toEqual(["denied", "open"]);
  });

  test("denied Pipe whose properties change subscribes again", () => {
    const { connection, subscription } = listening();
    browser.socket.hear(denied);
    connection.unsubscribe(subscription);
    const again = connection.subscribe(options({ token: "better" }));
    browser.tick();
    expect(browser.socket.last).toMatchObject({ type: "subscribe", token: "better" });
    browser.socket.hear(subscribed("jobs", 6));
    expect(again.status).toBe("open");
  });

  test("Pipe that was denied after it listened continues at its position with a fresh token", () => {
    const { connection, subscription } = listening({ token: "ended" });
    browser.socket.hear(messages("jobs", [[6, "a", 1]]));
    browser.socket.hear(denied);
    expect([subscription.status, offsets(subscription)]).toEqual(["denied", [6]]);
    connection.unsubscribe(subscription);
    const again = connection.subscribe(options({ token: "fresh" }));
    browser.tick();
    const since = { epoch: "e1", offset: 6 };
    expect(browser.socket.last).toEqual({
      ...{ type: "subscribe", channel: "jobs", labels: null, since, token: "fresh" },
    });
    browser.socket.hear(subscribed("jobs", 8, { recovered: true }));
    browser.socket.hear(
      messages("jobs", [
        [7, "a", 2],
        [8, "a", 3],
      ]),
    );
    expect([again.status, offsets(again)]).toEqual(["open", [6, 7, 8]]);
  });

  describe("that crosses a subscribe", () => {
    const since = { epoch: "e1", offset: 6 };
    const again = { type: "subscribe", channel: "jobs", since, token: "fresh" };
    const reply = { epoch: "e1", recovered: true };
    const rows: [number, string, number][] = [
      [7, "a", 2],
      [8, "a", 3],
    ];
    const change = (connection: Connection, old: ReturnType<Connection["subscribe"]>, labels: string[]) => {
      connection.unsubscribe(old);
      const pipe = connection.subscribe(options({ labels, token: "fresh" }));
      browser.tick();
      return pipe;
    };

    test("end of a permission is not taken for the reply, and the Pipe loses nothing", () => {
      const { connection, subscription } = listening({ labels: ["a"], token: "old" });
      browser.socket.hear(messages("jobs", [[6, "a", 1]]));
      const pipe = change(connection, subscription, ["a"]);
      browser.socket.hear({ ...denied, ended: true });
      expect(pipe.status).toBe("connecting");
      expect(browser.socket.last).toMatchObject(again);
      browser.socket.hear(subscribed("jobs", 8, reply), messages("jobs", rows));
      browser.socket.hear(subscribed("jobs", 8, reply), messages("jobs", rows));
      expect([pipe.status, offsets(pipe)]).toEqual(["open", [6, 7, 8]]);
      expect(spies.error).not.toHaveBeenCalled();
    });

    test("end of a permission for a label is not taken for the reply, and its Pipe loses nothing", () => {
      const { connection, subscription } = listening({ labels: ["a"], token: "old" });
      connection.subscribe(options({ key: "other", labels: ["b"] }));
      browser.tick();
      browser.socket.hear(subscribed("jobs", 5), messages("jobs", [[6, "a", 1]]));
      const pipe = change(connection, subscription, ["a"]);
      browser.socket.hear(subscribed("jobs", 6, { denied: ["a"], ended: true }));
      expect(browser.socket.sent.slice(-2)).toMatchObject([{ type: "unsubscribe" }, again]);
      browser.socket.hear(subscribed("jobs", 8), messages("jobs", [], { upto: 8 }));
      browser.socket.hear(subscribed("jobs", 8, reply), messages("jobs", rows));
      expect([pipe.status, offsets(pipe)]).toEqual(["open", [6, 7, 8]]);
      expect(spies.error).not.toHaveBeenCalled();
    });

    test("denial of an older token is not final", () => {
      const connection = connect(url, browser, noTransport);
      const subscription = connection.subscribe(options({ labels: ["a"], token: "old" }));
      browser.socket.open();
      const pipe = change(connection, subscription, ["a"]);
      browser.socket.hear(denied, subscribed("jobs", 5), subscribed("jobs", 5));
      expect(pipe.status).toBe("open");
      expect(spies.error).not.toHaveBeenCalled();
    });

    test("denial of every label denies none of the Pipes that the next subscribe is for", () => {
      const connection = connect(url, browser, noTransport);
      const all = connection.subscribe(options({ key: "all" }));
      browser.socket.open();
      const one = connection.subscribe(options({ key: "one", labels: ["a"] }));
      browser.tick();
      browser.socket.hear(denied, denied, subscribed("jobs", 5), subscribed("jobs", 5));
      expect([all.status, one.status]).toEqual(["denied", "open"]);
    });

    test("denial of the newest token is final", () => {
      const { connection, subscription } = listening({ labels: ["a"], token: "old" });
      const pipe = change(connection, subscription, ["a"]);
      browser.socket.hear({ ...denied, ended: true }, denied);
      expect(pipe.status).toBe("connecting");
      browser.socket.hear(denied);
      expect(pipe.status).toBe("denied");
      const count = browser.socket.sent.length;
      browser.tick();
      expect([browser.socket.sent.length, browser.socket.last]).toMatchObject([
        count,
        { type: "unsubscribe" },
      ]);
    });
  });

  test("Pipe that was denied beside another gets what it missed, and the other nothing twice", () => {
    const { connection, subscription: other } = listening({ key: "other", labels: ["a"] });
    const pipe = connection.subscribe(options({ labels: null, token: "ended" }));
    browser.tick();
    browser.socket.hear(subscribed("jobs", 5));
    browser.socket.hear(denied, subscribed("jobs", 5), messages("jobs", [[6, "a", 1]]));
    expect([pipe.status, other.status]).toEqual(["denied", "open"]);
    connection.unsubscribe(pipe);
    const again = connection.subscribe(options({ labels: null, token: "fresh" }));
    browser.tick();
    const [end, begin] = browser.socket.sent.slice(-2);
    expect([end?.type, begin]).toMatchObject(["unsubscribe", { since: at5, token: "fresh" }]);
    browser.socket.hear(subscribed("jobs", 6));
    browser.socket.hear(messages("jobs", [[6, "a", 1]]));
    expect([offsets(again), offsets(other)]).toEqual([[6], [6]]);
  });

  test("Pipe that was denied while a replay was due starts again, with its replay", () => {
    const { connection, subscription } = listening({ replay: 1 });
    browser.socket.hear(denied);
    connection.unsubscribe(subscription);
    connection.subscribe(options({ replay: 1, token: "fresh" }));
    browser.tick();
    const [begin, replay] = browser.socket.sent.slice(-2);
    expect(begin).not.toHaveProperty("since");
    expect(replay).toMatchObject({ type: "replay", last: 1 });
  });

  test("denied Pipe whose replay fails as well is reported once", () => {
    const subscription = connect(url, browser, noTransport).subscribe(options({ replay: 1 }));
    browser.socket.open();
    expect(types()).toEqual(["subscribe", "replay"]);
    browser.socket.hear(denied, { ...denied, code: "not_subscribed", final: undefined });
    expect(subscription.status).toBe("denied");
    expect(spies.error).toHaveBeenCalledTimes(1);
    expect(String(spies.error.mock.calls)).toMatch(/\[dash-pipe\] Pipe x: denied: no permission/);
  });

  test("replay that failed with a denied subscribe is requested again", () => {
    const connection = connect(url, browser, noTransport);
    connection.subscribe(options({ key: "all", labels: null }));
    const one = connection.subscribe(options({ key: "one", labels: ["a"], replay: 1 }));
    browser.socket.open();
    browser.socket.hear(denied, { ...denied, code: "not_subscribed", final: undefined });
    expect(types()).toEqual(["subscribe", "replay", "subscribe", "replay"]);
    browser.socket.hear(subscribed("jobs", 5), replayed(2));
    expect([one.status, offsets(one)]).toEqual(["open", [4]]);
  });

  test.each(["too_many_replays", "bad_frame"])("error %s is reported and keeps the status", (code) => {
    const { subscription } = listening();
    browser.socket.hear({ ...denied, code, final: undefined });
    expect(subscription.status).toBe("open");
    expect(spies.error).toHaveBeenCalledTimes(1);
  });

  test.each([4401, 4403, 4406])(
    "close code %i denies all Pipes, reports each once with the reason and does not retry",
    (code) => {
      const { connection, subscription } = listening();
      browser.socket.drop(code, "because");
      const late = connection.subscribe(options({ key: "y", name: "Pipe y" }));
      browser.pass(100_000);
      browser.emit("online");
      expect([subscription.status, late.status]).toEqual(["denied", "denied"]);
      expect(browser.sockets).toHaveLength(1);
      expect(spies.error.mock.calls).toEqual([
        [`[dash-pipe] Pipe x: connection rejected by ${url}: ${code} because.`],
        [`[dash-pipe] Pipe y: connection rejected by ${url}: ${code} because.`],
      ]);
    },
  );

  test("address that the browser rejects denies the Pipe and does not retry", () => {
    browser.allowed = false;
    const subscription = connect(url, browser, noTransport).subscribe(options());
    expect(subscription.status).toBe("denied");
    expect(spies.error).toHaveBeenCalledTimes(1);
    expect(browser.waits).toEqual([]);
  });
});

describe("hint", () => {
  const asked = () => browser.socket.sent.filter(({ hint }) => hint);

  test("with dev tools is asked for once, 5 s after Pipes mounted, and reported", () => {
    const { connection } = listening({ debug: true });
    connection.subscribe(options({ debug: true, key: "y", labels: ["a"] }));
    browser.pass(4999);
    expect(asked()).toEqual([]);
    browser.pass(1);
    expect(asked()).toEqual([{ type: "subscribe", channel: "jobs", labels: null, hint: true, since: at5 }]);
    browser.socket.hear(subscribed("jobs", 5), subscribed("jobs", 5, { hint: "nothing" }));
    browser.pass(5000);
    expect([asked().length, spies.warn.mock.calls]).toEqual([1, [["[dash-pipe] nothing."]]]);
  });

  test("that the connection lost is asked for again on the next one", () => {
    listening({ debug: true });
    browser.pass(5000);
    browser.socket.drop(1006);
    browser.pass(5000);
    browser.socket.open();
    expect(asked().length).toBe(1);
    browser.socket.hear(subscribed("jobs", 5, { hint: "" }));
    browser.socket.drop(1006);
    browser.pass(5000);
    browser.socket.open();
    expect([asked(), spies.warn.mock.calls]).toEqual([[], []]);
  });

  test("without dev tools is not asked for", () => {
    listening();
    browser.pass(6000);
    expect(asked()).toEqual([]);
  });

  test("is not asked for a Pipe that has gone", () => {
    const { connection, subscription } = listening({ debug: true });
    connection.subscribe(options({ channel: "prices" }));
    browser.pass(1);
    connection.unsubscribe(subscription);
    browser.pass(6000);
    expect(asked().length).toBeLessThan(2);
  });
});
