import { expect, test } from "vitest";
import { type LeftEpochs, LOST, leave, NONE } from "../../src/past";
import type { Past } from "../../src/protocol";

/** As tests/unit/test_left_epochs.py. */

const at = (epoch: string) => ({ epoch, offset: 5 });
const start: LeftEpochs = new Map();

test("forgotten epoch that is named again with a loss counts once", () => {
  const [, first] = leave(
    start,
    [
      ["a", 5, 5],
      ["b", 5, 5],
    ],
    at("b"),
  );
  const [none, second] = leave(
    first,
    [
      ["a", 5, 5],
      ["c", 5, 5],
    ],
    at("c"),
  );
  expect(none).toBe(NONE);
  const past: Past = [
    ["a", 5, 5],
    ["b", 5, 6],
    ["c", 5, 5],
    ["d", 5, 5],
  ];
  const [lost, third] = leave(second, past, at("d"));
  expect(lost).toBe(LOST);
  expect(leave(third, [...past, ["e", 5, 5]], at("e"))[0]).toBe(NONE);
});

test("epoch that is named only later counts if an older one was left", () => {
  const [, first] = leave(start, [["a", 5, 6]], at("a"));
  const past: Past = [
    ["a", 5, 6],
    ["b", 5, 7],
    ["c", 5, 5],
  ];
  const [lost, second] = leave(first, past, at("c"));
  expect(lost).toBe(LOST);
  expect(leave(second, [...past, ["d", 5, 5]], at("d"))[0]).toBe(NONE);
});

test("epoch from before the Pipe counts nothing", () => {
  const [, first] = leave(
    start,
    [
      ["a", 5, 6],
      ["b", 5, 5],
    ],
    at("b"),
  );
  expect(
    leave(
      first,
      [
        ["a", 5, 8],
        ["c", 5, 5],
      ],
      at("c"),
    )[0],
  ).toBe(NONE);
});

test("left epochs are bounded", () => {
  let left = start;
  for (let n = 0; n < 50; n++) [, left] = leave(left, [[`${n}`, 5, 5]], at(`${n}`));
  expect(left.size).toBe(16);
});
