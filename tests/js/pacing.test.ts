import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type PacedPipe, Pacer } from "../../src/pacing";
import { FakeBrowser } from "./fakes";
import { consoleSpies } from "./spies";

let browser: FakeBrowser;
let spies: ReturnType<typeof consoleSpies>;
beforeEach(() => {
  browser = new FakeBrowser();
  spies = consoleSpies();
});
afterEach(() => vi.restoreAllMocks());

/** A store whose state is the ids of busy Pipes; null before hydration. */
class FakeStore {
  busy: string[] | null = [];
  calls = new Set<() => void>();
  getState = () => this.busy;
  subscribe = (call: () => void) => {
    this.calls.add(call);
    return () => void this.calls.delete(call);
  };
  change(busy: string[] | null): void {
    this.busy = busy;
    for (const call of this.calls) call();
  }
}

function setup() {
  const store = new FakeStore();
  const busy = vi.fn((ids: string[] | null) => ids && new Set(ids));
  const log: string[] = [];
  const pacer = new Pacer(store, busy, browser);
  const pipe = (id: string | undefined, more: Partial<PacedPipe> = {}) => {
    const paced: PacedPipe = {
      id,
      name: `Pipe ${id}`,
      throttle: 0,
      hasUpdate: false,
      deliver() {
        log.push(`${id}`);
        paced.hasUpdate = false;
      },
      ...more,
    };
    const leave = pacer.add(paced);
    const rows = () => {
      paced.hasUpdate = true;
      pacer.wake();
    };
    return { paced, leave, rows };
  };
  return { store, busy, log, pacer, pipe };
}

test("update is delivered in a microtask without a timer", () => {
  const { log, pipe } = setup();
  pipe("a").rows();
  expect(log).toEqual([]);
  browser.tick();
  expect(log).toEqual(["a"]);
  expect(browser.waits).toEqual([]);
});

test("update waits while a callback with its Pipe as an Input runs", () => {
  const { store, log, pipe } = setup();
  store.busy = ["a"];
  const a = pipe("a");
  a.rows();
  a.rows();
  pipe("b").rows();
  pipe(undefined).rows();
  browser.tick();
  expect(log).toEqual(["b", "undefined"]);
  store.change([]);
  browser.tick();
  expect(log).toEqual(["b", "undefined", "a"]);
});

test("update waits for hydration", () => {
  const { store, log, pipe } = setup();
  store.busy = null;
  pipe("a").rows();
  browser.tick();
  expect(log).toEqual([]);
  store.change([]);
  browser.tick();
  expect(log).toEqual(["a"]);
});

test("delivery does not hold back the next Pipe of the same tick", () => {
  const { store, log, pipe } = setup();
  const a = pipe("a", {
    deliver() {
      log.push("a");
      a.paced.hasUpdate = false;
      // The callback with both as Inputs is in flight now.
      store.change(["a", "b"]);
    },
  });
  const b = pipe("b");
  a.rows();
  b.rows();
  browser.tick();
  expect(log).toEqual(["a", "b"]);
});

test("store change without an update does not compute busy ids", () => {
  const { store, busy, pipe } = setup();
  pipe("a");
  store.change([]);
  browser.tick();
  expect(busy).not.toHaveBeenCalled();
});

test("throttle delivers the first update at once and the next after the interval", () => {
  const { log, pipe } = setup();
  const a = pipe("a", { throttle: 500 });
  a.rows();
  browser.pass(100);
  a.rows();
  browser.pass(399);
  expect(log).toEqual(["a"]);
  browser.pass(1);
  expect(log).toEqual(["a", "a"]);
});

test("delivery that fails keeps its update, is reported once and retried every second", () => {
  const { store, log, pipe } = setup();
  let broken = true;
  const a = pipe("a", {
    deliver() {
      // dash-renderer may change the store before it throws. That must not cause an endless loop.
      store.change([]);
      if (broken) throw new Error("no");
      log.push("a");
      a.paced.hasUpdate = false;
    },
  });
  a.rows();
  pipe("b").rows();
  browser.tick();
  expect(log).toEqual(["b"]);
  // One failure may be a page that is being removed.
  expect(spies.error).not.toHaveBeenCalled();
  browser.pass(3000);
  expect(spies.error).toHaveBeenCalledTimes(1);
  broken = false;
  browser.pass(1000);
  expect(log).toEqual(["b", "a"]);
});

test("update held for 30 s is reported once", () => {
  const { store, log, pipe } = setup();
  store.busy = ["a"];
  pipe("a").rows();
  browser.pass(29_999);
  expect(spies.error).not.toHaveBeenCalled();
  browser.pass(1);
  expect(String(spies.error.mock.calls)).toMatch(/\[dash-pipe\] Pipe a .* its own Pipe/);
  store.change(["a"]);
  browser.pass(100_000);
  expect(spies.error).toHaveBeenCalledTimes(1);
  store.change([]);
  browser.tick();
  expect(log).toEqual(["a"]);
});

test("update held again has 30 s again", () => {
  const { store, pipe } = setup();
  const a = pipe("a");
  for (let n = 0; n < 3; n++) {
    store.change(["a"]);
    a.rows();
    browser.pass(20_000);
    store.change([]);
    browser.tick();
  }
  expect(spies.error).not.toHaveBeenCalled();
});

test("pacer subscribes to the store once, while it has Pipes, and removed Pipes get nothing", () => {
  const { store, log, pacer, pipe } = setup();
  const [a, b] = [pipe("a", { throttle: 500 }), pipe("b")];
  expect(store.calls.size).toBe(1);
  expect([pacer.has("a"), pacer.has("c")]).toEqual([true, false]);
  a.rows();
  browser.tick();
  a.rows();
  browser.tick();
  b.rows();
  a.leave();
  b.leave();
  expect(pacer.has("a")).toBe(false);
  browser.pass(1000);
  expect(log).toEqual(["a"]);
  expect([store.calls.size, browser.waits]).toEqual([0, []]);
});
