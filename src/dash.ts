import { websocketUrl } from "./address";
import type { LoadTransport } from "./browser";
import { Pacer } from "./pacing";

/** Everything that this package knows about dash-renderer (Dash 3.0 to 4.x). */

type Path = (string | number)[];
type Props = Record<string, unknown>;

interface Component {
  props: Props;
}

interface Input {
  id: unknown;
}

interface Callback {
  getInputs(paths: unknown): (Input | Input[])[];
  /** The definitions of the callbacks that led to this one: a chain. */
  predecessors?: { inputs: Input[] }[];
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

/** Return the ids that are Inputs of a callback in flight, directly or through a chain; null before hydration. */
export function busyIds({ appLifecycle, callbacks, paths }: State): Set<string> | null {
  if (appLifecycle !== "HYDRATED") return null;
  const ids = new Set<string>();
  for (const [stage, list] of Object.entries(callbacks)) {
    if (stage === "stored" || !Array.isArray(list)) continue;
    for (const { getInputs, predecessors = [] } of list) {
      const inputs = [getInputs(paths), predecessors.map((callback) => callback.inputs)];
      for (const { id } of inputs.flat(2)) ids.add(stringifyId(id));
    }
  }
  return ids;
}

const pacers = new WeakMap<Store, Pacer<State>>();

/** Return the pacer of a store; it is made at first use. */
export function pacerOf(store: Store): Pacer<State> {
  const pacer = pacers.get(store) ?? new Pacer(store, busyIds, window);
  pacers.set(store, pacer);
  return pacer;
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

/**
 * Return the websocket address for `url`, the base of an endpoint; without one, that of the endpoint that the page
 * names (the setting `url`), or of the app's own. Throw if `url` is not an address.
 */
export function endpointUrl(url: string | undefined): string {
  const config = JSON.parse(document.getElementById("_dash-config")?.textContent || "{}");
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
