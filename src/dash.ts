import { websocketUrl } from "./address";
import type { Clock, LoadTransport } from "./browser";
import { Pacer } from "./pacing";
import { Retrier } from "./retry";

/** Everything that this package knows about dash-renderer (Dash 3.0 to 4.x). */

type Path = (string | number)[];
type Props = Record<string, unknown>;

interface Component {
  props: Props;
}

interface Input {
  id: unknown;
}

export interface Callback {
  getInputs(paths: unknown): (Input | Input[])[];
  /** The definitions of the callbacks that led to this one: a chain. */
  predecessors?: { inputs: Input[] }[];
  callback?: { background?: unknown };
  /** The properties that triggered the call: `id.property`. */
  changedPropIds?: Record<string, unknown>;
  resolvedId?: string;
  /** While it is in flight. */
  executionPromise?: unknown;
}

export interface State {
  appLifecycle: string;
  /** Lists of callbacks by stage; `completed` is a number. */
  callbacks: Record<string, Callback[] | number>;
  layout: unknown;
  paths: unknown;
  history?: { past: { id: unknown }[] };
}

export interface Store {
  getState(): State;
  subscribe(call: () => void): () => void;
  dispatch(action: unknown): void;
}

interface Context {
  componentPath: Path;
  useStore(): Store;
}

declare global {
  interface Window {
    dash_component_api: { useDashContext(): Context };
  }
}

/** A component: its store, and its path in the layout. */
export interface ComponentRef {
  store: Store;
  path: Path;
}

/** Serialize an id as dash-renderer does: a dict has sorted keys and no white space. */
export function stringifyId(id: unknown): string {
  return typeof id === "object" && id ? JSON.stringify(id, Object.keys(id).sort()) : String(id);
}

/** A hook that returns the component being rendered. */
export function useComponentRef(): ComponentRef {
  const { componentPath, useStore } = window.dash_component_api.useDashContext();
  return { store: useStore(), path: componentPath };
}

/**
 * Return the ids that are Inputs of a callback in flight, directly or through a chain; null before hydration.
 * Callbacks that wait for a retry count as in flight.
 */
export function busyIds(state: State, waiting: Iterable<Callback> = []): Set<string> | null {
  if (state.appLifecycle !== "HYDRATED") return null;
  const ids = new Set<string>();
  for (const { getInputs, predecessors = [] } of [...inFlight(state), ...waiting]) {
    const inputs = [getInputs(state.paths), predecessors.map((callback) => callback.inputs)];
    for (const { id } of inputs.flat(2)) ids.add(stringifyId(id));
  }
  return ids;
}

function inFlight({ callbacks }: State): Callback[] {
  const lists = Object.entries(callbacks).map(([stage, list]) => (stage === "stored" ? [] : list));
  return lists.flatMap((list) => (Array.isArray(list) ? list : []));
}

const pacers = new WeakMap<Store, Pacer<State>>();

/** Return the pacer of a store; it is made at first use. */
export function pacerOf(store: Store): Pacer<State> {
  const pacer = pacers.get(store) ?? makePacer(store, window);
  pacers.set(store, pacer);
  return pacer;
}

function makePacer(store: Store, clock: Clock): Pacer<State> {
  // A call whose Pipe is gone is not repeated.
  const retrier: Retrier<Callback> = new Retrier((call) => !isOfPipe(call) || repeat(store, call), clock);
  const pacer: Pacer<State> = new Pacer(store, (state) => busyIds(state, retrier.waiting), clock);
  const isOfPipe = (call: Callback): boolean => triggers(call).some((id) => pacer.has(id));
  watchCalls(store, retrier, isOfPipe);
  return pacer;
}

/**
 * Pass the results of calls that Pipes trigger to the retrier. A call that nothing but a button has triggered is
 * not repeated, nor is a background callback.
 */
export function watchCalls(
  store: Store,
  retrier: Retrier<Callback>,
  isOfPipe: (call: Callback) => boolean,
): void {
  const seen = new WeakSet<object>();
  store.subscribe(() => {
    for (const call of inFlight(store.getState())) {
      const promise = call.executionPromise;
      if (!(promise instanceof Promise) || seen.has(promise)) continue;
      seen.add(promise);
      if (call.callback?.background || !isOfPipe(call)) continue;
      // The same turn in which Dash takes the result: before a Pipe can deliver its next update.
      promise.then((result) => retrier.settle(String(call.resolvedId), call, result?.error));
    }
  });
}

/** Return the ids of the components that triggered a call. */
function triggers({ changedPropIds = {} }: Callback): string[] {
  return Object.keys(changedPropIds).map((prop) => prop.slice(0, prop.lastIndexOf(".")));
}

/** Request a call again, with its inputs of now. Return false if its callback is in flight: Dash would drop that. */
export function repeat(store: Store, call: Callback): boolean {
  const state = store.getState();
  const { executionPromise: _, ...requested } = { ...call, executionGroup: undefined };
  if (!busyIds(state) || inFlight(state).some(({ resolvedId }) => resolvedId === call.resolvedId))
    return false;
  store.dispatch({ type: "Callbacks.AddRequested", payload: [requested] });
  return true;
}

/**
 * Set the properties that `build` returns for the current ones, as one event of the component.
 * Throw if the component is not in the layout, or if Dash does not accept them.
 */
export function deliver(
  { store, path }: ComponentRef,
  id: string | undefined,
  setProps: (props: Props) => void,
  build: (current: Props) => Props,
): void {
  const layout = store.getState().layout;
  const component = path.reduce<unknown>((node, key) => (node as Props | undefined)?.[key], layout);
  const current = (component as Component | undefined)?.props;
  // Dash would drop the update silently.
  if (!current || (id && stringifyId(current.id) !== id))
    throw new Error("the component is not in the layout");
  const props = build(current);
  if ("messages" in props) {
    // `setProps` drops values that are deep-equal to the current ones, so the same message sent twice would
    // fire once. Blank them first: no callback runs for that, and it happens in the same tick. As a
    // "response" it stays out of the undo history.
    const blank = { messages: undefined, ...("value" in props && { value: undefined }) };
    store.dispatch({ type: "ON_PROP_CHANGE", payload: { itempath: path, props: blank, source: "response" } });
  }
  setProps(props);
  removeFromUndoHistory(store, id);
}

/**
 * Remove the newest entry from the undo history. Dash records every change of an Input for its undo button,
 * without a limit, and copies the history each time. A message from the server cannot be undone.
 */
function removeFromUndoHistory(store: Store, id: string | undefined): void {
  const past = store.getState().history?.past ?? [];
  while (past.length && stringifyId(past[past.length - 1]?.id) === id) past.pop();
}

function dashConfig(): { ui?: boolean; requests_pathname_prefix?: string } {
  return JSON.parse(document.getElementById("_dash-config")?.textContent || "{}");
}

/** True if the page shows Dash's dev tools, as in debug mode. */
export function hasDevTools(): boolean {
  return !!dashConfig().ui;
}

/**
 * Return the websocket address for `url`, the base of an endpoint; without one, that of the endpoint that the page
 * names (the setting `url`), or of the app's own. Throw if `url` is not an address.
 */
export function endpointUrl(url: string | undefined): string {
  const config = dashConfig();
  const named = document.querySelector<HTMLMetaElement>("meta[name=dash-pipe-url]")?.content;
  const own = `${config.requests_pathname_prefix || "/"}_pipe/`;
  return websocketUrl(url || named || own, location.href);
}

/**
 * Load another file of this package, which Dash serves next to this one. A browser may remember that loading
 * an address failed, so each attempt has an address of its own.
 */
export const loadTransport: LoadTransport = (attempt, file) =>
  import(/* webpackIgnore: true */ `./${file}.min.js?${attempt}`);
