import { describe, expect, test } from "vitest";
import { PollTransport } from "../../src/poll";
import { type ClientFrame, encode } from "../../src/protocol";
import vectors from "../vectors/protocol.json";
import { FakeBrowser } from "./fakes";

/** Open a transport that sends `frames` with each poll. */
function opened(frames: unknown[] = []) {
  const browser = new FakeBrowser();
  const socket = new PollTransport(browser, "http://host/_pipe/poll", 2000);
  const heard: unknown[] = [];
  const closed: number[] = [];
  socket.onopen = () => {
    for (const frame of frames) socket.send(encode(frame as ClientFrame));
  };
  socket.onmessage = ({ data }) => heard.push(JSON.parse(data as string));
  socket.onclose = ({ code }) => closed.push(code);
  browser.pass(0);
  return { browser, socket, heard, closed };
}

describe("shared vectors", () => {
  test.each(vectors.polls)("poll: $name", async ({ say, body, answer }) => {
    const { browser, heard, closed } = opened(say);
    expect(browser.request.body).toBe(body);
    await browser.request.answer(answer);
    if (Array.isArray(answer)) expect([heard, closed]).toEqual([answer, []]);
    else expect([heard, closed]).toEqual([[], [answer.code]]);
  });
});

test.each([undefined, null, "x", 5, {}, { error: "a page of another server" }])(
  "answer %j closes with 1006",
  async (answer) => {
    const { browser, closed } = opened();
    await browser.request.answer(answer);
    expect(closed).toEqual([1006]);
    browser.pass(10_000);
    expect(browser.requests).toHaveLength(1);
  },
);

test("request sends cookies", () => {
  const { browser } = opened();
  expect(browser.request.credentials).toBe("include");
});

test("transport closed during an answer stops polling", async () => {
  const { browser, socket, heard } = opened();
  socket.onmessage = () => socket.close();
  await browser.request.answer([{ type: "ping", n: 1 }]);
  browser.pass(10_000);
  expect([browser.requests.length, browser.waits, heard]).toEqual([1, [], []]);
});

test("transport closed during a request ignores the answer", async () => {
  const { browser, socket, heard, closed } = opened();
  socket.close();
  await browser.request.answer([{ type: "ping", n: 1 }]);
  expect([heard, closed, browser.waits]).toEqual([[], [], []]);
});
