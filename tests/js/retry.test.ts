import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Callback, repeat, type State, type Store, watchCalls } from "../../src/dash";
import { Retrier } from "../../src/retry";
import { FakeBrowser } from "./fakes";
import { consoleSpies } from "./spies";

let browser: FakeBrowser;
let spies: ReturnType<typeof consoleSpies>;
beforeEach(() => {
  browser = new FakeBrowser();
  spies = consoleSpies();
});
afterEach(() => vi.restoreAllMocks());

const NO_RESPONSE = new Error("Callback failed: the server did not respond.");

function setup() {
  const log: string[] = [];
  const repeats = vi.fn((call: string) => log.push(`${call} at ${browser.now / 1000}`) > 0);
  const retrier = new Retrier<string>(repeats, browser);
  return { log, repeats, retrier };
}

test.each([{ status: 502 }, { status: 503 }, NO_RESPONSE])("call that fails with %o is repeated", (error) => {
  const { log, retrier } = setup();
  retrier.settle("a", "call", error);
  expect([...retrier.waiting]).toEqual(["call"]);
  browser.pass(1000);
  expect(log).toEqual(["call at 1"]);
  expect([...retrier.waiting]).toEqual([]);
});

test.each([undefined, { status: 500 }, { status: 504 }, { status: 403 }, new Error("other")])(
  "call that ends with %o is not repeated",
  (error) => {
    const { log, retrier } = setup();
    retrier.settle("a", "call", error);
    browser.pass(100_000);
    expect([log, [...retrier.waiting]]).toEqual([[], []]);
  },
);

test("delays double up to 8 s until 60 s have passed, and start again after a success", () => {
  const { log, retrier } = setup();
  const fail = () => retrier.settle("a", "call", NO_RESPONSE);
  fail();
  for (let n = 1; n < 9; n++) {
    browser.pass(8000);
    fail();
  }
  expect(log.slice(0, 4)).toEqual(["call at 1", "call at 10", "call at 20", "call at 32"]);
  expect(log.length).toBe(8);
  expect(retrier.waiting.size).toBe(0);
  expect(String(spies.error.mock.calls)).toMatch(/retried for 60 s; its update is lost \(no response\)/);
  fail();
  retrier.settle("a", "call", undefined);
  fail();
  expect(browser.waits.every((wait) => wait <= 1000)).toBe(true);
});

test("call that can't be requested yet waits for another second", () => {
  const { log, repeats, retrier } = setup();
  repeats.mockReturnValueOnce(false);
  retrier.settle("a", "call", NO_RESPONSE);
  browser.pass(1999);
  expect([...retrier.waiting]).toEqual(["call"]);
  browser.pass(1);
  expect(log).toEqual(["call at 2"]);
});

function page(...calls: Partial<Callback>[]) {
  const watched = calls.map((call) => ({ getInputs: () => [{ id: "pipe" }], resolvedId: "out", ...call }));
  const state: State = { appLifecycle: "HYDRATED", callbacks: { watched }, layout: {}, paths: {} };
  const listeners: (() => void)[] = [];
  const store = {
    getState: () => state,
    subscribe: (call: () => void) => void listeners.push(call),
    dispatch: vi.fn(),
  } as unknown as Store & { dispatch: ReturnType<typeof vi.fn> };
  const change = () => {
    for (const call of listeners) call();
  };
  return { store, state, watched, change };
}

test("only results of calls of Pipes are watched, once, and none of background callbacks", async () => {
  const executionPromise = Promise.resolve({ error: NO_RESPONSE });
  const promised = (more: Partial<Callback>) => ({
    executionPromise: executionPromise.then((x) => x),
    ...more,
  });
  const { store, watched, change } = page(
    promised({ changedPropIds: { "pipe.value": 1, "button.n_clicks": 1 } }),
    promised({ changedPropIds: { "button.n_clicks": 1 } }),
    promised({ changedPropIds: { "pipe.value": 1 }, callback: { background: {} } }),
    { changedPropIds: { "pipe.value": 1 }, executionPromise: null },
  );
  const { retrier } = setup();
  const settle = vi.spyOn(retrier as unknown as Retrier<Callback>, "settle").mockReturnValue();
  const isOfPipe = ({ changedPropIds = {} }: Callback) => "pipe.value" in changedPropIds;
  watchCalls(store, retrier as unknown as Retrier<Callback>, isOfPipe);
  change();
  change();
  await Promise.resolve().then(() => executionPromise);
  await new Promise((resolve) => setTimeout(resolve));
  expect(settle.mock.calls).toEqual([["out", watched[0], NO_RESPONSE]]);
});

test("repeat requests a call as it was, and not while its callback is in flight", () => {
  const call = { getInputs: () => [], resolvedId: "out", executionPromise: 1, executionGroup: "x" };
  const busy = page({});
  expect(repeat(busy.store, call)).toBe(false);
  expect(busy.store.dispatch).not.toHaveBeenCalled();
  const { store, state } = page({ resolvedId: "other" });
  expect(repeat(store, call)).toBe(true);
  const payload = [{ getInputs: call.getInputs, resolvedId: "out", executionGroup: undefined }];
  expect(store.dispatch).toHaveBeenCalledWith({ type: "Callbacks.AddRequested", payload });
  expect(repeat({ ...store, getState: () => ({ ...state, appLifecycle: "STARTED" }) }, call)).toBe(false);
});
