import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { connect } from "../../src/connection";
import type { SubscribeOptions } from "../../src/pipe_subscription";
import { FakeBrowser, noTransport, subscribed } from "./fakes";
import { consoleSpies } from "./spies";

/** A token that is about to end: the page fetches a fresh one when the server said. */

let browser: FakeBrowser;
let pages = 0;
let base: string;
let first: string;

beforeEach(() => {
  browser = new FakeBrowser();
  consoleSpies();
  base = `wss://host/${++pages}/_pipe/`;
  first = `first ${pages}`;
});
afterEach(() => vi.restoreAllMocks());

const owner = {};

function subscribe(more: Partial<SubscribeOptions> = {}) {
  const connection = connect(`${base}ws`, browser, noTransport);
  const options = {
    owner,
    key: "x",
    name: "Pipe x",
    channel: "jobs",
    labels: null,
    replay: 0,
    bufferSize: 9,
  };
  const subscription = connection.subscribe({ ...options, token: first, onChange: () => {}, ...more });
  browser.tick();
  return { connection, subscription };
}

/** Subscribe with the first token, of which the server says when the page should fetch a fresh one. */
function listening(refresh: number | undefined = 60) {
  const found = subscribe();
  browser.socket.open();
  browser.socket.hear(subscribed("jobs", 5, { refresh, heartbeat: 1000 }));
  return found;
}

const tokens = () => browser.socket.sent.map(({ token }) => token);

test("page fetches a fresh token when the server said, and subscribes with it", async () => {
  const { subscription } = listening();
  browser.pass(59_999);
  expect(browser.requests).toEqual([]);
  browser.pass(1);
  const { method, url, body, credentials } = browser.request;
  expect([method, url, credentials]).toEqual(["POST", `https://host/${pages}/_pipe/token`, "include"]);
  expect(JSON.parse(body ?? "")).toEqual({ channel: "jobs", token: first });
  await browser.request.answer({ token: "second", seconds: 75 });
  expect(browser.socket.last).toEqual({
    ...{ type: "subscribe", channel: "jobs", labels: null, token: "second" },
    since: { epoch: "e1", offset: 5 },
  });
  browser.socket.hear(subscribed("jobs", 5, { refresh: 60, heartbeat: 1000 }));
  expect(subscription.status).toBe("open");
  browser.pass(60_000);
  expect(JSON.parse(browser.request.body ?? "")).toEqual({ channel: "jobs", token: "second" });
});

test("page without a time of the server fetches nothing", () => {
  listening(undefined);
  browser.pass(15_000);
  expect(browser.requests).toEqual([]);
});

test("Pipe that mounts again with its first token sends the newest", async () => {
  const { connection, subscription } = listening(0);
  browser.pass(0);
  await browser.request.answer({ token: "second", seconds: 75 });
  browser.socket.hear(subscribed("jobs", 5, { refresh: 1 }));
  browser.pass(1000);
  await browser.request.answer({ token: "third", seconds: 75 });
  connection.unsubscribe(subscription);
  browser.pass(5000);
  subscribe();
  browser.socket.open();
  expect(tokens()).toEqual(["third"]);
});

test("page that gets no fresh token goes on until the server denies it", async () => {
  const { subscription } = listening(0);
  browser.pass(0);
  await browser.request.answer({ code: 4401, reason: "no" }, 403);
  browser.pass(10_000);
  expect([browser.requests.length, subscription.status, tokens()]).toEqual([1, "open", [first]]);
});

test.each([503, 0])("request that ends with %i is repeated after 5 s", async (status) => {
  listening(0);
  browser.pass(0);
  await (status ? browser.request.answer({ code: 1013, reason: "late" }, status) : browser.request.fail());
  browser.pass(4999);
  expect(browser.requests).toHaveLength(1);
  browser.pass(1);
  await browser.request.answer({ token: "second", seconds: 75 });
  expect(browser.socket.last).toMatchObject({ type: "subscribe", token: "second" });
});

test("channel without a Pipe fetches nothing", () => {
  const { connection, subscription } = listening(8);
  subscribe({ channel: "other", key: "y", token: undefined });
  connection.unsubscribe(subscription);
  browser.pass(8000);
  expect(browser.requests).toEqual([]);
});

test("time that is longer than a timer can be is no time at once", () => {
  listening(2 ** 31);
  browser.pass(1000);
  expect(browser.requests).toEqual([]);
});
