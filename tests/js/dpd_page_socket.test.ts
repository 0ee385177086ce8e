import { afterEach, beforeEach, expect, test, vi } from "vitest";

type Call = (message: unknown) => void;

interface Wsb {
  wsb: { socket: EventTarget & { readyState: number } };
  add_callback(call: Call): number;
  send(message: object): void;
}

interface Page {
  dpd_wsb?: Wsb;
  dpd_wsb_pre?: { callbacks: Call[]; sender_targets: { add_sender(socket: Wsb): void }[] };
}

/** The websocket of the page, and what it has sent. */
class FakeWebSocket {
  static all: FakeWebSocket[] = [];
  readyState = 0;
  readonly sent: unknown[] = [];
  onopen = () => {};
  onmessage = (_: { data: string }) => {};
  onclose = (_: { code: number; reason: string }) => {};

  constructor(readonly url: string) {
    FakeWebSocket.all.push(this);
  }

  send = (text: string) => this.sent.push(JSON.parse(text));

  open() {
    this.readyState = 1;
    this.onopen();
  }

  says(frame: object) {
    this.onmessage({ data: JSON.stringify(frame) });
  }

  drop(code: number) {
    this.readyState = 3;
    this.onclose({ code, reason: "" });
  }
}

class FakeCloseEvent extends Event {}

const TRIPLET = { type: "connection_triplet", uid: "1", label: "a", channel_name: "jobs" };
let page: Page;

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetModules();
  FakeWebSocket.all = [];
  page = {};
  vi.stubGlobal("window", page);
  vi.stubGlobal("document", { querySelector: () => ({ content: "/dpd/ws/channel/" }) });
  vi.stubGlobal("location", { href: "http://host/page/" });
  vi.stubGlobal("WebSocket", FakeWebSocket);
  vi.stubGlobal("CloseEvent", FakeCloseEvent);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Run the script of the page; return `dpd_wsb`. */
async function run(): Promise<Wsb> {
  await import("../../src/dpd_page_socket");
  return page.dpd_wsb as Wsb;
}

const sockets = () => FakeWebSocket.all.length;
const socket = () => FakeWebSocket.all[sockets() - 1] as FakeWebSocket;

test("page without a Pipe of django-plotly-dash opens no socket", async () => {
  const wsb = await run();
  vi.advanceTimersByTime(600_000);
  expect([sockets(), wsb.wsb.socket.readyState]).toEqual([0, 0]);
});

test.each<[string, (wsb: Wsb) => unknown]>([
  ["adds a callback", (wsb) => wsb.add_callback(() => {})],
  ["sends its triplet", (wsb) => wsb.send(TRIPLET)],
])("first Pipe that %s opens the socket, others open no more", async (_, come) => {
  const wsb = await run();
  come(wsb);
  come(wsb);
  expect([sockets(), socket().url]).toEqual([1, "ws://host/dpd/ws/channel/ws"]);
  wsb.send(TRIPLET);
  socket().open();
  expect(socket().sent).toEqual([TRIPLET]);
});

test("Pipe that waits for the script opens the socket and gets its messages", async () => {
  const call = vi.fn();
  page.dpd_wsb_pre = { callbacks: [call], sender_targets: [{ add_sender: (wsb) => wsb.send(TRIPLET) }] };
  await run();
  socket().open();
  socket().says({ type: "pipe.value", label: "a", value: 1 });
  expect(socket().sent).toEqual([TRIPLET]);
  expect(call.mock.calls).toEqual([[{ type: "pipe.value", label: "a", value: 1 }]]);
});

test("ping is answered and is no message for the Pipes", async () => {
  const call = vi.fn();
  (await run()).add_callback(call);
  socket().open();
  socket().says({ type: "ping", n: 7 });
  expect(socket().sent).toEqual([{ type: "pong", n: 7 }]);
  expect(call).not.toHaveBeenCalled();
});

test("triplet is repeated when messages of some size have come, so the server sends more", async () => {
  (await run()).send(TRIPLET);
  socket().open();
  const value = "x".repeat(20_000);
  for (let n = 0; n < 4; n++) socket().says({ type: "pipe.value", label: "a", value });
  expect(socket().sent).toEqual([TRIPLET, TRIPLET, TRIPLET]);
});

test("triplet of a Pipe that has gone is repeated before the server takes the page for gone", async () => {
  (await run()).send(TRIPLET);
  socket().open();
  vi.advanceTimersByTime(140_000);
  expect(socket().sent).toEqual([TRIPLET, TRIPLET, TRIPLET]);
});

test("lost socket opens again and sends its triplets", async () => {
  (await run()).send(TRIPLET);
  socket().open();
  socket().drop(1006);
  vi.advanceTimersByTime(1000);
  expect(sockets()).toBe(2);
  socket().open();
  expect(socket().sent).toEqual([TRIPLET]);
});

test("socket that is rejected is not opened again", async () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  (await run()).send(TRIPLET);
  socket().drop(4403);
  vi.advanceTimersByTime(60_000);
  expect(sockets()).toBe(1);
  expect(`${error.mock.calls[0]}`).toContain("connection rejected by ws://host/dpd/ws/channel/ws: 4403");
});
