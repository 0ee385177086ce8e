import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { OpenTransport } from "../../src/browser";
import vectors from "../vectors/protocol.json";
import { BuiltPage, type BuiltPipe } from "./built_page";
import { FakeBrowser, subscribed } from "./fakes";
import { consoleSpies } from "./spies";

/** The shared vectors against the built files: a build step that changes a frame fails here. */

let page: BuiltPage;
let spies: ReturnType<typeof consoleSpies>;
beforeEach(() => {
  spies = consoleSpies();
  page = new BuiltPage();
});
afterEach(() => vi.restoreAllMocks());

type Frame = Record<string, unknown>;
type Position = { epoch: string; offset: number };

const sent = () => page.browser.socket.sent;
const hear = (frame: unknown) => page.browser.socket.hear(JSON.stringify(frame));
const errors = () => spies.error.mock.calls.flat().join("\n");
/** Drop the fields that are null: the Python side writes absent ones as None. */
const present = (frame: Frame) =>
  Object.fromEntries(Object.entries(frame).filter(([, field]) => field != null));

function open(props: Frame = {}): BuiltPipe {
  const pipe = page.mount({ channel_name: "jobs", ...props });
  page.browser.socket.open();
  return pipe;
}

describe("dash_pipe.min.js, vectors of a listener", () => {
  test.each(vectors.listener)("$name", ({ labels, position, replay, frames, taken, gaps, end }) => {
    const pipe = open({ label: labels, replay });
    if (position) expect(page.startAt(position)).toMatchObject({ since: position });
    for (const frame of frames) hear(frame);
    expect(pipe.rows.map((row) => (row as unknown[])[0])).toEqual(taken);
    expect([pipe.gaps, pipe.props.n_gaps ?? 0]).toEqual([gaps, gaps.length]);
    expect(page.reconnect()?.since ?? null).toEqual(end);
    expect(errors()).toBe("");
  });

  test.each(vectors.epochs)("$name", ({ frames, pipes }) => {
    const mounted = pipes.map(({ labels, position, replay }) => {
      const pipe = page.mount({ channel_name: "jobs", label: labels, replay });
      if (page.browser.socket.readyState === 0) page.browser.socket.open();
      if (position) hear(subscribed("jobs", position.offset, { epoch: position.epoch }));
      return pipe;
    });
    // The page is where the first is.
    if (pipes[0]?.position) expect(page.reconnect()?.since).toEqual(pipes[0].position);
    for (const frame of frames) hear(frame);
    for (const [n, { taken, gaps }] of pipes.entries()) {
      const { rows, gaps: told, props } = mounted[n] as BuiltPipe;
      expect(rows.map((row) => (row as unknown[])[0])).toEqual(taken);
      const counted = gaps.filter(({ cause }) => cause !== "unknown").length;
      expect([told, props.n_gaps ?? 0]).toEqual([gaps, counted]);
    }
    expect(page.reconnect()?.since).toEqual(pipes[0]?.end);
    expect(errors()).toBe("");
  });

  test.each(vectors.translate)("translate: $name", ({ past, position, offset }) => {
    open();
    expect(page.startAt(position)).toMatchObject({ since: position });
    hear({ type: "messages", channel: "jobs", epoch: "now", messages: [], upto: 0, past });
    expect(page.reconnect()?.since).toEqual({ epoch: "now", offset });
  });
});

describe("dash_pipe.min.js, Pipe that returns", () => {
  const gone = (pipe: BuiltPipe) => {
    pipe.unmount();
    page.browser.pass(5000);
  };
  const back = (props: Frame = {}) => {
    const pipe = page.mount({ id: "p", channel_name: "jobs", ...props });
    page.browser.socket.open();
    return pipe;
  };
  const at5 = { epoch: "e1", offset: 5 };

  test("continues where it was, after any time", () => {
    const pipe = open({ id: "p" });
    hear(subscribed("jobs", 5));
    gone(pipe);
    page.browser.pass(3_600_000);
    back();
    expect(sent()).toEqual([{ type: "subscribe", channel: "jobs", labels: null, since: at5 }]);
  });

  test("starts again if it was disabled", () => {
    const pipe = open({ id: "p" });
    hear(subscribed("jobs", 5));
    pipe.props.disabled = true;
    pipe.render();
    page.browser.pass(5000);
    gone(pipe);
    back();
    expect(sent()).toEqual([{ type: "subscribe", channel: "jobs", labels: null }]);
  });
});

describe("dash_pipe.min.js, vectors from the browser", () => {
  const valid = vectors.from_browser.flatMap(({ name, frame }) =>
    frame ? [{ name, frame: frame as Frame }] : [],
  );
  const named = (type: string) => valid.filter(({ frame }) => frame.type === type);

  test("each type of frame is tested below", () => {
    const types = ["subscribe", "unsubscribe", "replay", "pong"];
    expect(new Set(valid.map(({ frame }) => frame.type))).toEqual(new Set(types));
  });

  test.each(named("subscribe"))("$name", ({ frame }) => {
    const channel = frame.channel as string;
    const labels = frame.labels as string[] | null;
    if (frame.hint) page = new BuiltPage({ ui: true });
    open({ channel_name: channel, label: labels, token: frame.token });
    if (frame.since) page.startAt(frame.since as Position, channel);
    if (frame.hint) page.browser.pass(5000);
    expect(sent().slice(-1)).toEqual([{ ...present(frame), labels: labels && [...labels].sort() }]);
  });

  test.each(named("unsubscribe"))("$name", ({ frame }) => {
    const pipe = open({ channel_name: frame.channel });
    page.mount({ channel_name: "another" });
    pipe.unmount();
    page.browser.pass(5000);
    expect(sent().slice(-1)).toEqual([frame]);
  });

  test.each(named("replay"))("$name", ({ frame }) => {
    open({ channel_name: frame.channel, label: frame.labels, replay: frame.last });
    expect(sent().slice(-1)).toEqual([{ ...frame, id: expect.any(Number) }]);
  });

  test.each(named("pong"))("$name", ({ frame }) => {
    open();
    hear({ type: "ping", n: frame.n });
    expect(sent().slice(-1)).toEqual([frame]);
  });
});

describe("dash_pipe.min.js, vectors from the server", () => {
  const named = (type: string) =>
    vectors.from_server.flatMap(({ name, frame }) =>
      frame.type === type ? [{ name, frame: frame as Frame }] : [],
    );
  const types = ["subscribed", "messages", "replayed", "ping", "error"];
  const answerAll = () => {
    for (const { type } of sent()) if (type === "subscribe") hear(subscribed("jobs", 57));
  };

  test("each type of frame is tested below", () => {
    expect(new Set(vectors.from_server.map(({ frame }) => frame.type))).toEqual(new Set(types));
  });

  test.each(named("subscribed"))("$name", ({ frame }) => {
    const denied = (frame.denied ?? []) as string[];
    const pipe = open();
    const others = denied.map((label) => page.mount({ channel_name: "jobs", label }));
    if (frame.ended) answerAll();
    hear(frame);
    expect(spies.warn.mock.calls).toEqual(frame.hint ? [[`[dash-pipe] ${frame.hint}.`]] : []);
    expect([pipe, ...others].map(({ props }) => props.status)).toEqual([
      "open",
      ...denied.map(() => "denied"),
    ]);
    // `heartbeat` and `spread` are in seconds.
    const first = page.browser.socket;
    page.browser.pass(1600 * (frame.heartbeat as number) - 1);
    expect(first.readyState).toBe(1);
    page.browser.chance = 1;
    page.browser.pass(1);
    expect(first.readyState).toBe(3);
    expect(page.browser.waits).toEqual([300 + 1000 * (frame.spread as number)]);
    page.browser.pass(1000);
    page.browser.socket.open();
    expect(sent()[0]?.since).toEqual({ epoch: frame.epoch, offset: frame.offset });
  });

  test.each(named("messages"))("$name", ({ frame }) => {
    const pipe = open();
    hear(subscribed("jobs", 0, { epoch: frame.epoch }));
    hear(frame);
    expect(pipe.rows).toEqual(frame.messages);
    expect(pipe.gaps.length).toBe(frame.lost ? 1 : 0);
  });

  test.each(named("replayed"))("$name", ({ frame }) => {
    const pipe = open({ replay: 1 });
    hear(subscribed("jobs", frame.upto as number, { epoch: frame.epoch }));
    hear({ ...frame, id: sent()[1]?.id });
    expect([pipe.rows, pipe.props.status]).toEqual(
      frame.done ? [frame.messages, "open"] : [[], "connecting"],
    );
  });

  test.each(named("ping"))("$name", ({ frame }) => {
    const upto = (frame.upto ?? {}) as Record<string, number>;
    open();
    hear(subscribed("jobs", 0));
    hear(frame);
    expect(sent().slice(-1)).toEqual([{ type: "pong", n: frame.n }]);
    expect(page.reconnect()?.since).toEqual({ epoch: "e1", offset: upto.jobs ?? 0 });
  });

  test.each(named("error"))("$name", ({ frame }) => {
    const pipe = open();
    if (frame.ended) answerAll();
    hear(frame);
    expect(pipe.props.status).toBe(frame.final ? "denied" : "connecting");
    if (frame.code === "not_subscribed") expect(errors()).toBe("");
    else expect(errors()).toContain(`: ${frame.code}: ${frame.reason}.`);
  });
});

const fileOf = async (name: string): Promise<OpenTransport> =>
  (await import(/* @vite-ignore */ `../../dash_pipe/${name}.min.js`)).default;

describe("fallback.min.js", () => {
  const info = { websocket: false, reason: "no sockets here", poll: "poll", interval: 2 };

  test.each(vectors.polls)("poll: $name", async ({ say, body, answer }) => {
    const browser = new FakeBrowser();
    const transport = (await fileOf("fallback"))(browser, "ws://host/_pipe/ws", "dash-pipe.v1");
    const heard: unknown[] = [];
    const closed: number[] = [];
    transport.onopen = () => {
      for (const frame of say) transport.send(JSON.stringify(frame));
    };
    transport.onmessage = ({ data }) => heard.push(JSON.parse(data as string));
    transport.onclose = ({ code }) => closed.push(code);
    await browser.request.answer(info);
    browser.pass(0);
    expect([browser.request.url, browser.request.body]).toEqual(["http://host/_pipe/poll", body]);
    await browser.request.answer(answer);
    expect([heard, closed]).toEqual(Array.isArray(answer) ? [answer, []] : [[], [answer.code]]);
  });

  test("info of a server with websockets opens one more", async () => {
    const browser = new FakeBrowser();
    (await fileOf("fallback"))(browser, "ws://host/_pipe/ws", "dash-pipe.v1");
    await browser.request.answer({ ...info, websocket: true });
    expect([browser.sockets.length, browser.socket.subprotocol]).toEqual([1, "dash-pipe.v1"]);
  });

  test("fallback is loaded by the bundle when websockets fail, and polls", async () => {
    const { browser } = page;
    const pipe = page.mount({ channel_name: "jobs" });
    for (let failures = 0; failures < 2; failures++) {
      browser.socket.drop(1006);
      await vi.dynamicImportSettled();
      browser.pass(300);
    }
    expect(page.loaded).toEqual(["./fallback.min.js?3"]);
    await browser.request.answer(info);
    browser.pass(0);
    await browser.request.answer([subscribed("jobs", 5)]);
    expect(pipe.props.status).toBe("polling");
  });
});

describe("dpd_bridge.min.js", () => {
  test("dpd_bridge is loaded by the bundle for `dpd:` and exchanges the frames of django-plotly-dash", async () => {
    const calls: ((message: unknown) => void)[] = [];
    const triplets: Frame[] = [];
    const dpd_wsb = {
      add_callback: (call: (typeof calls)[0]) => calls.push(call),
      send: (frame: Frame) => triplets.push(frame),
    };
    Object.assign(page.browser, { dpd_wsb });
    const pipe = page.mount({ channel_name: "jobs", label: "a", url: "dpd:" });
    await vi.dynamicImportSettled();
    page.browser.pass(300);
    expect(page.loaded).toEqual(["./dpd_bridge.min.js?2"]);
    const triplet = { type: "connection_triplet", uid: expect.any(String), label: "a", channel_name: "jobs" };
    expect([pipe.props.status, triplets]).toEqual(["open", [triplet]]);
    for (const call of calls) call({ type: "pipe.value", label: "a", value: 7, channel_name: "jobs" });
    page.browser.tick();
    expect(pipe.rows).toEqual([[1, "a", 7, expect.any(Number)]]);
  });
});
