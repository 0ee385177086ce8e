import { expect, test, vi } from "vitest";
import { busyIds, deliver, type State, type Store, stringifyId } from "../../src/dash";
import { updateProps } from "../../src/props";
import type { Batch } from "../../src/subscription";

const callback = (...ids: unknown[]) => ({ getInputs: () => ids.map((id) => [{ id, property: "value" }]) });

function state(more: Partial<State>): State {
  return { appLifecycle: "HYDRATED", callbacks: {}, layout: {}, paths: {}, ...more };
}

test("stringifyId matches dash-renderer", () => {
  expect(stringifyId("x")).toBe("x");
  expect(stringifyId({ b: "y", a: 1, "a!": true })).toBe('{"a":1,"a!":true,"b":"y"}');
});

test("busyIds contains Inputs of callbacks in every stage but stored and completed", () => {
  const callbacks = {
    requested: [callback("r")],
    watched: [callback("w", { b: 1, a: 2 })],
    stored: [callback("s")],
    completed: 7,
  };
  expect(busyIds(state({ callbacks }))).toEqual(new Set(["r", "w", '{"a":2,"b":1}']));
  expect(busyIds(state({ callbacks, appLifecycle: "STARTED" }))).toBeNull();
});

test("busyIds contains Inputs of a callback that waits for a retry", () => {
  expect(busyIds(state({}), [callback("pipe")])).toEqual(new Set(["pipe"]));
});

test("busyIds contains Inputs of the whole chain while one of its callbacks is in flight", () => {
  const last = {
    ...callback("store"),
    predecessors: [{ inputs: [{ id: "pipe" }] }, { inputs: [{ id: "between" }] }],
  };
  expect(busyIds(state({ callbacks: { executing: [last] } }))).toEqual(new Set(["store", "pipe", "between"]));
});

test("busyIds accepts Inputs as a list and as a list of lists", () => {
  const flat = { getInputs: () => [{ id: "x" }] };
  expect(busyIds(state({ callbacks: { executing: [flat] } }))).toEqual(new Set(["x"]));
});

function page(props: Record<string, unknown>, past: { id: unknown }[] = []) {
  const current = state({ layout: { props: { children: [{ props }] } }, history: { past } });
  const log: unknown[] = [];
  const store: Store = {
    getState: () => current,
    subscribe: () => () => {},
    dispatch: (action) => log.push(action),
  };
  const setProps = vi.fn(() => log.push("setProps"));
  return { ref: { store, path: ["props", "children", 0] }, log, setProps };
}

test("deliver with messages blanks them first so that an equal message fires", () => {
  const { ref, log, setProps } = page({ id: "x", value: 7 });
  deliver(ref, "x", setProps, () => ({ value: 7, messages: [], n_messages: 1 }));
  const props = { value: undefined, messages: undefined };
  const payload = { itempath: ref.path, props, source: "response" };
  expect(log).toEqual([{ type: "ON_PROP_CHANGE", payload }, "setProps"]);
});

test("deliver without a value or messages does not blank them", () => {
  const { ref, log, setProps } = page({ id: "x", value: 7 });
  deliver(ref, "x", setProps, () => ({ messages: [] }));
  deliver(ref, "x", setProps, () => ({ status: "open" }));
  expect(log).toEqual([
    expect.objectContaining({ payload: expect.objectContaining({ props: { messages: undefined } }) }),
    "setProps",
    "setProps",
  ]);
});

test("deliver builds on the current properties of the layout", () => {
  const { ref, setProps } = page({ id: { b: 1, a: 2 }, n_messages: 4 });
  deliver(ref, '{"a":2,"b":1}', setProps, ({ n_messages }) => ({ n_messages: Number(n_messages) + 1 }));
  expect(setProps).toHaveBeenCalledWith({ n_messages: 5 });
});

test("deliver to a component that is not in the layout throws", () => {
  const { ref, setProps } = page({ id: "other" });
  expect(() => deliver(ref, "x", setProps, () => ({}))).toThrow();
  expect(() =>
    deliver({ ...ref, path: ["props", "children", 5, "props"] }, "x", setProps, () => ({})),
  ).toThrow();
  expect(setProps).not.toHaveBeenCalled();
});

test("deliver removes its newest entries from the undo history and keeps those of others", () => {
  const past = [{ id: "x" }, { id: "button" }, { id: "x" }];
  const { ref, setProps } = page({ id: "x" }, past);
  deliver(ref, "x", setProps, () => ({ value: 1 }));
  expect(past).toEqual([{ id: "x" }, { id: "button" }]);
});

const batch = (values: unknown[], more: Partial<Batch> = {}): Batch => ({
  rows: values.map((value, n) => [n + 1, "a", value, 2.5]),
  ...{ gaps: 0, lastGap: null, status: "open" },
  ...more,
});

test("updateProps with rows returns the newest value, all messages and their number", () => {
  expect(updateProps("c", batch([1, null]), { n_messages: 3, status: "open" })).toEqual({
    value: null,
    n_messages: 5,
    messages: [
      { channel_name: "c", label: "a", value: 1, offset: 1, time: 2.5 },
      { channel_name: "c", label: "a", value: null, offset: 2, time: 2.5 },
    ],
  });
});

test("updateProps with a Patch returns it as a message and not as value", () => {
  const patch = { __dash_patch_update: "__dash_patch_update", operations: [] };
  expect(updateProps("c", batch([5, patch]), {})).toMatchObject({ value: 5, n_messages: 2 });
  expect(updateProps("c", batch([patch]), {})).not.toHaveProperty("value");
});

test("updateProps returns gaps and status only if they changed", () => {
  const lastGap = { from: 1, to: 2, cause: "window" as const };
  expect(updateProps("c", batch([], { gaps: 2, lastGap }), { n_gaps: 1 })).toEqual({
    n_gaps: 3,
    last_gap: lastGap,
    status: "open",
  });
  expect(updateProps("c", batch([]), { status: "open" })).toEqual({});
});
