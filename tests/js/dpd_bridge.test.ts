import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LoadTransport, Transport } from "../../src/browser";
import type { connect as Connect } from "../../src/connection";
import type { SubscribeOptions } from "../../src/pipe_subscription";
import { FakeBrowser } from "./fakes";
import { consoleSpies } from "./spies";

type Call = (message: unknown) => void;

/** A fake `window.dpd_wsb`, as the tag of django-plotly-dash makes it. */
class Wsb {
  calls: Call[] = [];
  sent: Record<string, unknown>[] = [];
  events = new Map<string, () => void>();
  wsb = {
    socket: {
      readyState: 1,
      addEventListener: (type: string, call: () => void) => this.events.set(type, call),
    },
  };
  add_callback = (call: Call) => this.calls.push(call);
  send = (message: Record<string, unknown>) => this.sent.push(message);
  says(label: unknown, value: unknown, more: object = {}) {
    for (const call of this.calls) call({ type: "pipe.value", label, value, ...more });
  }
}

interface Page {
  dpd_wsb?: Wsb;
  dpd_wsb_pre?: { callbacks: Call[]; sender_targets: { add_sender(wsb: Wsb): void }[] };
  parent?: Page;
}

let browser: FakeBrowser & Page;
let spies: ReturnType<typeof consoleSpies>;
let connect: typeof Connect;
const load: LoadTransport = (_, file) => {
  expect(file).toBe("dpd_bridge");
  return import("../../src/dpd_bridge");
};

beforeEach(async () => {
  browser = new FakeBrowser();
  spies = consoleSpies();
  vi.resetModules();
  ({ connect } = await import("../../src/connection"));
});
afterEach(() => vi.restoreAllMocks());

async function join(...wanted: Partial<SubscribeOptions>[]) {
  const connection = connect("dpd:", browser, load);
  const subscriptions = wanted.map((more, n) => {
    const base = { owner: {}, key: `${n}`, name: `Pipe ${n}`, channel: "jobs", labels: null, replay: 0 };
    return connection.subscribe({ ...base, bufferSize: 1000, token: undefined, onChange: () => {}, ...more });
  });
  await vi.dynamicImportSettled();
  browser.pass(300); // the next attempt finds it loaded
  return subscriptions;
}

const values = (subscription: { batch(): { rows: unknown[][] } } | undefined) =>
  subscription?.batch().rows.map((row) => row[2]);

describe("dpd_wsb of the page", () => {
  test("dpd_wsb is used and no websocket is opened", async () => {
    browser.dpd_wsb = new Wsb();
    const [pipe] = await join({ labels: ["a"] });
    expect(pipe?.status).toBe("open");
    expect(browser.dpd_wsb.sent).toMatchObject([
      { type: "connection_triplet", label: "a", channel_name: "jobs" },
    ]);
    browser.dpd_wsb.says("a", 1);
    browser.dpd_wsb.says("b", 2);
    browser.dpd_wsb.says("a", 1);
    expect(values(pipe)).toEqual([1, 1]);
    expect(browser.sockets).toEqual([]);
  });

  test("dpd_wsb gets one callback for several Pipes", async () => {
    browser.dpd_wsb = new Wsb();
    const pipes = await join({ labels: ["a"] }, { labels: ["b"] }, { channel: "prices" });
    expect(browser.dpd_wsb.calls.length).toBe(1);
    browser.dpd_wsb.says("b", 1);
    expect(pipes.map(values)).toEqual([[], [1], [1]]);
  });

  test("message that names a channel is delivered to that channel only", async () => {
    browser.dpd_wsb = new Wsb();
    const pipes = await join({ labels: ["a"] }, { channel: "prices", labels: ["a"] });
    browser.dpd_wsb.says("a", 1, { channel_name: "prices" });
    expect(pipes.map(values)).toEqual([[], [1]]);
  });

  test("subscription is sent every 10 s with the same uid", async () => {
    browser.dpd_wsb = new Wsb();
    await join({ labels: ["a"] });
    browser.pass(20_000);
    const uids = browser.dpd_wsb.sent.map(({ uid }) => uid);
    expect(uids.length).toBe(3);
    expect(new Set(uids).size).toBe(1);
  });

  test("status stays open while dpd_wsb is silent", async () => {
    browser.dpd_wsb = new Wsb();
    const [pipe] = await join({});
    browser.pass(300_000);
    expect(pipe?.status).toBe("open");
  });

  test("dpd_wsb of a parent window is found", async () => {
    const dpd_wsb = new Wsb();
    browser.parent = { parent: { dpd_wsb } };
    const [pipe] = await join({ labels: ["a"] });
    dpd_wsb.says("a", 1);
    expect(values(pipe)).toEqual([1]);
  });

  test("window of another site is not accessed", async () => {
    browser.parent = new Proxy({}, { get: () => expect.fail("no access") }) as Page;
    const [pipe] = await join({});
    expect(pipe?.status).toBe("connecting");
    expect(browser.dpd_wsb_pre?.callbacks.length).toBe(1);
  });

  test.each(["each target is called", "only the last target is called", "no target is called"])(
    "dpd_wsb that appears later is found when %s",
    async (how) => {
      browser.parent = {};
      const [pipe] = await join({ labels: ["a"] });
      const pre = browser.parent.dpd_wsb_pre;
      const wsb = new Wsb();
      browser.parent.dpd_wsb = wsb;
      for (const call of pre?.callbacks ?? []) wsb.add_callback(call);
      if (how.startsWith("each")) for (const target of pre?.sender_targets ?? []) target.add_sender(wsb);
      browser.pass(500);
      expect(pipe?.status).toBe("open");
      expect(wsb.sent.length).toBe(1);
      wsb.says("a", 1);
      expect(values(pipe)).toEqual([1]);
    },
  );

  test("dpd_wsb that never appears is reported once as timed out", async () => {
    await join({});
    browser.pass(60_000);
    expect(
      spies.error.mock.calls.flat().filter((line) => `${line}`.includes("plotly_message_pipe")),
    ).toHaveLength(1);
  });

  test("dpd_wsb that closes and opens loses and repeats nothing", async () => {
    const wsb = new Wsb();
    browser.dpd_wsb = wsb;
    const [pipe] = await join({ labels: ["a"] });
    wsb.says("a", 1);
    wsb.wsb.socket.readyState = 0;
    wsb.events.get("close")?.();
    expect(pipe?.status).toBe("connecting");
    wsb.wsb.socket.readyState = 1;
    wsb.events.get("open")?.();
    browser.pass(1000);
    expect(pipe?.status).toBe("open");
    wsb.says("a", 2);
    expect(values(pipe)).toEqual([1, 2]);
    expect(pipe?.batch().gaps).toBe(0);
  });

  test("replay without history ends at once", async () => {
    const wsb = new Wsb();
    browser.dpd_wsb = wsb;
    const [pipe] = await join({ labels: ["a"], replay: 1 });
    expect(pipe?.status).toBe("open");
    wsb.says("a", 1);
    expect(values(pipe)).toEqual([1]);
  });

  test("removed Pipe does not unsubscribe the other Pipes of the page", async () => {
    const wsb = new Wsb();
    browser.dpd_wsb = wsb;
    const connection = connect("dpd:", browser, load);
    const [pipe] = await join({ labels: ["a"] });
    if (pipe) connection.unsubscribe(pipe);
    browser.pass(6000);
    expect(wsb.sent.every(({ channel_name }) => channel_name === "jobs")).toBe(true);
    expect(browser.waits).toEqual([]);
  });
});

test("connection that ends while its file loads does not open a socket", async () => {
  browser.dpd_wsb = new Wsb();
  const connection = connect("dpd:", browser, load);
  const subscription = connection.subscribe({
    ...{ owner: {}, key: "x", name: "Pipe", channel: "jobs", labels: null, replay: 0, bufferSize: 9 },
    ...{ token: undefined, onChange: () => {} },
  });
  connection.unsubscribe(subscription);
  browser.pass(6000);
  await vi.dynamicImportSettled();
  browser.tick();
  expect(browser.dpd_wsb.calls).toEqual([]);
  expect((browser as unknown as Transport).readyState).toBeUndefined();
});
