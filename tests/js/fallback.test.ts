import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LoadTransport } from "../../src/browser";
import type { connect as Connect } from "../../src/connection";
import type { SubscribeOptions } from "../../src/pipe_subscription";
import { FakeBrowser, messages, subscribed } from "./fakes";
import { consoleSpies } from "./spies";

const URL = "wss://host/app/_pipe/ws";
const INFO = "https://host/app/_pipe/info";
const POLL = "https://host/app/_pipe/poll";
const NONE = { websocket: false, reason: "no sockets here", poll: "poll", interval: 2 };
const BLOCKED = { ...NONE, websocket: true, reason: "" };

let browser: FakeBrowser;
let spies: ReturnType<typeof consoleSpies>;
let connect: typeof Connect;
let load: ReturnType<typeof vi.fn<LoadTransport>>;

beforeEach(async () => {
  browser = new FakeBrowser();
  spies = consoleSpies();
  // Each test has its own page: loaded files and logged warnings are remembered for a page.
  vi.resetModules();
  ({ connect } = await import("../../src/connection"));
  load = vi.fn<LoadTransport>(() => import("../../src/fallback"));
});
afterEach(() => vi.restoreAllMocks());

function options(more: Partial<SubscribeOptions> = {}): SubscribeOptions {
  const base = {
    owner: {},
    key: "x",
    name: "Pipe x",
    channel: "jobs",
    labels: null,
    replay: 0,
    bufferSize: 1000,
  };
  return { ...base, token: undefined, onChange: () => {}, ...more };
}

/** Fail a websocket, and let the socket retry. */
async function failOnce() {
  browser.socket.drop(1006);
  await vi.dynamicImportSettled();
  browser.pass(300);
}

/** Fail websockets until the page requests `info`. */
async function asking(more: Partial<SubscribeOptions> = {}) {
  const connection = connect(URL, browser, load);
  const subscription = connection.subscribe(options(more));
  await failOnce();
  await failOnce();
  expect([browser.request.method, browser.request.url]).toEqual(["GET", INFO]);
  return { connection, subscription };
}

/** Start polling; the first poll is in flight. */
async function polling(more: Partial<SubscribeOptions> = {}) {
  const page = await asking(more);
  await browser.request.answer(NONE);
  browser.pass(0);
  return page;
}

const requests = () => browser.requests.map(({ url }) => url.slice(url.lastIndexOf("/") + 1));

describe("fallback", () => {
  test("fallback is loaded after two failures, retried if loading fails, and loaded once", async () => {
    connect(URL, browser, load).subscribe(options());
    load.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    await failOnce();
    expect(load).not.toHaveBeenCalled();
    await failOnce();
    await failOnce();
    expect(load.mock.calls).toEqual([
      [3, "fallback"],
      [4, "fallback"],
    ]);
    expect([browser.sockets.length, requests()]).toEqual([3, ["info"]]);
    await browser.request.fail();
    browser.pass(300);
    expect(load).toHaveBeenCalledTimes(2);
  });

  test("info request that fails does not start polling", async () => {
    const { subscription } = await asking();
    for (let n = 0; n < 3; n++) {
      await browser.request.fail();
      browser.pass(300);
    }
    expect(requests()).toEqual(["info", "info", "info", "info"]);
    expect(subscription.status).toBe("connecting");
    expect(spies.warn).not.toHaveBeenCalled();
    expect(spies.error).not.toHaveBeenCalled();
  });

  test("answer of another server is reported once, with the address and what is expected", async () => {
    const { subscription } = await asking();
    for (let n = 0; n < 3; n++) {
      await browser.request.answer(undefined, 404);
      browser.pass(10_000);
    }
    expect(spies.error.mock.calls).toEqual([
      [
        "[dash-pipe] no endpoint at https://host/app/_pipe/: no websocket opened at wss://host/app/_pipe/ws, and " +
          "https://host/app/_pipe/info answered HTTP 404, unlike an endpoint of dash-pipe. Expected the base of an " +
          "endpoint, which ends with _pipe/: check the Pipe's `url`, or the setting `url`.",
      ],
    ]);
    expect(subscription.status).toBe("connecting");
  });

  test.each([
    ["other JSON", { hello: "world" }, 200],
    ["JSON of another kind", ["hello"], 200],
    ["a page", undefined, 200],
  ])("answer with %s is reported", async (_, json, status) => {
    await asking();
    await browser.request.answer(json, status);
    expect(String(spies.error.mock.calls)).toContain(`answered HTTP ${status}, unlike`);
  });

  test.each([502, 503, 504])("answer %i of a proxy is not reported: the server is away", async (status) => {
    await asking();
    await browser.request.answer(undefined, status);
    expect(spies.error).not.toHaveBeenCalled();
  });

  test("server elsewhere without an answer is reported, with the setting that may be missing", async () => {
    browser.location.origin = "https://app.org";
    await asking();
    await browser.request.fail();
    expect(String(spies.error.mock.calls)).toContain(
      "_pipe/info did not answer, or that server's setting allowed_origins lacks https://app.org",
    );
  });

  test("info request that times out does not start polling", async () => {
    await asking();
    const { signal } = browser.request;
    browser.pass(10_300);
    expect(signal?.aborted).toBe(true);
    expect(requests()).toEqual(["info", "info"]);
  });

  test("server without websockets is polled at once and the reason is logged once", async () => {
    const { subscription } = await polling();
    expect([requests(), browser.sockets.length]).toEqual([["info", "poll"], 2]);
    expect([browser.request.method, browser.request.url]).toEqual(["POST", POLL]);
    expect(subscription.status).toBe("connecting");
    await browser.request.answer([subscribed("jobs", 5)]);
    expect(subscription.status).toBe("polling");
    expect(spies.warn.mock.calls).toEqual([
      [`[dash-pipe] ${URL}: no websocket, polling every 2 s: no sockets here.`],
    ]);
    expect(spies.error).not.toHaveBeenCalled();
  });

  test("server with websockets gets one more attempt", async () => {
    const { subscription } = await asking();
    await browser.request.answer(BLOCKED);
    expect(browser.sockets).toHaveLength(3);
    browser.socket.open();
    browser.socket.hear(subscribed("jobs", 5), { type: "ping", n: 3 });
    expect(browser.socket.last).toEqual({ type: "pong", n: 3 });
    expect(subscription.status).toBe("open");
    browser.pass(10_000);
    expect(requests()).toEqual(["info"]);
    expect(spies.warn).not.toHaveBeenCalled();
  });

  test.each([
    ["fails", () => browser.socket.drop(1006)],
    ["times out", () => browser.pass(8000)],
  ])("last websocket that %s starts polling", async (_, end) => {
    const { subscription } = await asking();
    await browser.request.answer(BLOCKED);
    end();
    browser.pass(0);
    await browser.request.answer([subscribed("jobs", 5)]);
    expect([subscription.status, requests()]).toEqual(["polling", ["info", "poll"]]);
    expect(String(spies.warn.mock.calls)).toContain("a proxy");
  });

  test("info of a server whose broker is away starts polling", async () => {
    await asking();
    await browser.request.answer({ ...BLOCKED, websocket: false, status: "the broker is away" }, 503);
    browser.pass(0);
    expect(requests()).toEqual(["info", "poll"]);
    expect(spies.error).not.toHaveBeenCalled();
  });

  test("info request that is rejected denies the Pipe", async () => {
    const { subscription } = await asking();
    await browser.request.answer({ code: 4403, reason: "a strange origin" });
    expect(subscription.status).toBe("denied");
    expect(String(spies.error.mock.calls)).toContain("a strange origin");
    browser.pass(100_000);
    expect(requests()).toEqual(["info"]);
  });
});

describe("polling", () => {
  test("poll every 2 s sends all subscribes and receives all messages", async () => {
    const { subscription } = await polling();
    expect(browser.request.frames).toEqual([{ type: "subscribe", channel: "jobs", labels: null }]);
    await browser.request.answer([subscribed("jobs", 5)]);
    for (const offset of [6, 7]) {
      browser.pass(1999);
      const before = browser.requests.length;
      browser.pass(1);
      expect(browser.requests).toHaveLength(before + 1);
      const since = { epoch: "e1", offset: offset - 1 };
      expect(browser.request.frames).toEqual([{ type: "subscribe", channel: "jobs", labels: null, since }]);
      await browser.request.answer([subscribed("jobs", offset), messages("jobs", [[offset, "a", offset]])]);
    }
    expect(subscription.batch().rows.map(([offset]) => offset)).toEqual([6, 7]);
    expect(subscription.batch().gaps).toBe(0);
  });

  test("poll that reports lost messages counts gaps", async () => {
    const { subscription } = await polling();
    await browser.request.answer([subscribed("jobs", 5)]);
    browser.pass(2000);
    await browser.request.answer([
      subscribed("jobs", 9),
      messages("jobs", [[8, "a", 1]], { upto: 9, lost: [["a", 7]] }),
    ]);
    browser.pass(2000);
    await browser.request.answer([subscribed("jobs", 0, { epoch: "e2" })]);
    expect([subscription.batch().gaps, subscription.position]).toMatchObject([2, { epoch: "e2", offset: 0 }]);
  });

  test("ping in an answer polls again at once", async () => {
    await polling();
    await browser.request.answer([subscribed("jobs", 5), { type: "ping", n: 1 }, { type: "ping", n: 2 }]);
    browser.pass(0);
    expect(requests()).toEqual(["info", "poll", "poll"]);
    await browser.request.answer([subscribed("jobs", 5)]);
    browser.pass(1999);
    expect(requests()).toHaveLength(3);
  });

  test("new Pipe polls at once and a removed Pipe is not sent", async () => {
    const { connection, subscription } = await polling();
    await browser.request.answer([subscribed("jobs", 5)]);
    const second = connection.subscribe(options({ channel: "prices", key: "y" }));
    browser.pass(0);
    expect(browser.request.frames.map(({ channel }) => channel)).toEqual(["jobs", "prices"]);
    expect(subscription.status).toBe("polling");
    await browser.request.answer([subscribed("jobs", 5), subscribed("prices", 2)]);
    expect(second.status).toBe("polling");
    connection.unsubscribe(subscription);
    browser.pass(5000);
    await browser.request.answer([subscribed("jobs", 5), subscribed("prices", 2)]);
    browser.pass(0);
    expect(browser.request.frames.map(({ channel }) => channel)).toEqual(["prices"]);
  });

  test("new Pipe during a poll is sent in the next poll at once", async () => {
    const { connection } = await polling();
    const late = connection.subscribe(options({ key: "y" }));
    browser.tick();
    expect(requests()).toEqual(["info", "poll"]);
    await browser.request.answer([subscribed("jobs", 5)]);
    expect(late.position).toBeNull();
    browser.pass(0);
    await browser.request.answer([subscribed("jobs", 8)]);
    expect(late.position).toEqual({ epoch: "e1", offset: 8 });
    expect(late.status).toBe("polling");
  });

  test("channel without an answer is sent again", async () => {
    const { subscription } = await polling({ replay: 1 });
    await browser.request.answer([]);
    expect(subscription.status).toBe("connecting");
    browser.pass(2000);
    expect(browser.request.frames.map(({ type }) => type)).toEqual(["subscribe", "replay"]);
    const replayed = {
      ...{ type: "replayed", channel: "jobs", epoch: "e1", messages: [[3, "a", 1, 1]], upto: 5, done: true },
      id: browser.request.frames[1]?.id,
    };
    await browser.request.answer([subscribed("jobs", 5), replayed]);
    expect(subscription.batch().rows).toHaveLength(1);
    browser.pass(2000);
    expect(browser.request.frames.map(({ type }) => type)).toEqual(["subscribe"]);
  });

  test("denied channel is not sent again", async () => {
    const { connection, subscription } = await polling();
    connection.subscribe(options({ channel: "prices", key: "y" }));
    await browser.request.answer([
      { type: "error", code: "denied", reason: "no", channel: "jobs", final: true },
    ]);
    expect(subscription.status).toBe("denied");
    browser.pass(0);
    expect(browser.request.frames.map(({ channel }) => channel)).toEqual(["prices"]);
  });

  test("rejected origin denies the Pipe and stops polling", async () => {
    const { subscription } = await polling();
    await browser.request.answer({ code: 4403, reason: "no" });
    browser.pass(100_000);
    expect([subscription.status, requests()]).toEqual(["denied", ["info", "poll"]]);
    expect(browser.sockets).toHaveLength(2);
  });

  test("poll that fails starts over with all Pipes", async () => {
    const { connection, subscription } = await polling();
    await browser.request.answer([subscribed("jobs", 5)]);
    browser.pass(2000);
    await browser.request.fail();
    expect(subscription.status).toBe("connecting");
    browser.pass(4300);
    await browser.request.answer(NONE);
    browser.pass(0);
    expect(browser.request.frames[0]).toMatchObject({ since: { epoch: "e1", offset: 5 } });
    connection.subscribe(options({ key: "y" }));
    expect(subscription.status).toBe("connecting");
    await browser.request.answer([subscribed("jobs", 5)]);
    expect([subscription.status, browser.sockets.length]).toEqual(["polling", 2]);
    expect(spies.warn).toHaveBeenCalledTimes(1);
  });

  test("poll without an answer times out", async () => {
    const { subscription } = await polling();
    await browser.request.answer([subscribed("jobs", 5)]);
    browser.pass(2000);
    const { signal } = browser.request;
    browser.pass(16_000);
    expect([signal?.aborted, subscription.status]).toEqual([true, "connecting"]);
  });

  test("last Pipe removed stops the poll and leaves no timer or event listener", async () => {
    const { connection, subscription } = await polling();
    connection.unsubscribe(subscription);
    browser.pass(5000);
    expect(browser.request.signal?.aborted).toBe(true);
    await browser.request.answer([subscribed("jobs", 5)]);
    expect([browser.waits, browser.listening]).toEqual([[], 0]);
  });
});

describe("probe for a websocket", () => {
  async function settled() {
    const page = await polling();
    await browser.request.answer([subscribed("jobs", 5)]);
    return page;
  }

  /** Advance the time and answer every poll. */
  async function poll(seconds: number) {
    for (let n = 0; n < seconds; n += 2) {
      browser.pass(2000);
      await browser.request.answer([subscribed("jobs", 5)]);
    }
  }

  test("probe repeats with growing delays while polling continues", async () => {
    const { subscription } = await settled();
    const tried: number[] = [];
    for (let minute = 1; minute <= 40; minute++) {
      const before = browser.sockets.length;
      await poll(60);
      if (browser.sockets.length > before) tried.push(minute);
      browser.socket.drop(1006);
      expect(subscription.status).toBe("polling");
    }
    expect(tried).toEqual([1, 3, 7, 15, 31]);
    expect(spies.warn).toHaveBeenCalledTimes(1);
  });

  test("probe that hangs is closed before the next", async () => {
    await settled();
    await poll(60);
    const first = browser.socket;
    await poll(120);
    expect([first.readyState, browser.socket === first]).toEqual([3, false]);
  });

  test("probe in flight is closed with the last Pipe", async () => {
    const { connection, subscription } = await settled();
    await poll(58);
    connection.unsubscribe(subscription);
    browser.pass(5000);
    expect([browser.sockets.length, browser.socket.readyState, browser.waits]).toEqual([3, 3, []]);
  });

  test("probe that opens replaces polling and resumes", async () => {
    const { subscription } = await settled();
    await poll(60);
    browser.pass(2000);
    const last = browser.request;
    browser.socket.open();
    const since = { epoch: "e1", offset: 5 };
    expect(browser.socket.sent).toEqual([{ type: "subscribe", channel: "jobs", labels: null, since }]);
    expect(last.signal?.aborted).toBe(true);
    await last.answer([subscribed("jobs", 6), messages("jobs", [[6, "a", 1]])]);
    browser.socket.hear(subscribed("jobs", 6), messages("jobs", [[6, "a", 1]]));
    expect([subscription.status, subscription.batch().rows.length]).toEqual(["open", 1]);
    const count = browser.requests.length;
    browser.pass(15_000);
    expect(browser.requests).toHaveLength(count);
  });
});
