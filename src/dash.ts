import type { LoadTransport } from "./browser";
import { type Pacer, pace } from "./pacing";

/** Everything that is known here about dash-renderer (Dash 3.0 to 4.x) stands in this file. */

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
  /** The callbacks whose results asked for this one, as the app defined them: a chain. */
  predecessors?: { inputs: Input[] }[];
}

export interface State {
  appLifecycle: string;
  /** Lists of callbacks, by how far they are; and `completed`, which is a number. */
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

/** Where a component is: in which store, and where in its layout. */
export interface ComponentRef {
  store: Store;
  path: Path;
}

/** As dash-renderer writes an id: a dict of texts and numbers with sorted keys, no white space. */
export function stringifyId(id: unknown): string {
  return typeof id === "object" && id ? JSON.stringify(id, Object.keys(id).sort()) : String(id);
}

/** A hook: the place of the component that is being rendered. */
export function useComponentRef(): ComponentRef {
  const { componentPath, useStore } = window.dash_component_api.useDashContext();
  return { store: useStore(), path: componentPath };
}

/** The ids that feed a callback on its way, as its Inputs or through a chain; null while the page is not there yet. */
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

const pacers = new WeakMap<Store, Pacer>();

export function pacerOf(store: Store): Pacer {
  const pacer = pacers.get(store) ?? pace(store, busyIds, window);
  pacers.set(store, pacer);
  return pacer;
}

/**
 * Sets the properties that `build` makes of the current ones, as one event of the component.
 * Throws where the component is not in the layout, or Dash does not take it.
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
  // Dash itself would drop the update without a word.
  if (!current || (id && stringifyId(current.id) !== id)) throw new Error("not in the layout");
  const props = build(current);
  if ("messages" in props) {
    // `setProps` drops what is deep-equal to what is there, so the same message twice would fire once.
    // What is there is blanked first. Nobody sees that: no callback is asked, and it is the same tick.
    // Marked as a response it stays out of the record of what the undo button can undo.
    const blank = { messages: undefined, ...("value" in props && { value: undefined }) };
    store.dispatch({ type: "ON_PROP_CHANGE", payload: { itempath: path, props: blank, source: "response" } });
  }
  setProps(props);
  removeFromUndoHistory(store, id);
}

/**
 * Dash records every change of an Input for its undo button, for ever, and copies the record each time.
 * A push of the server can't be undone: its entry, the newest, is taken away again.
 */
function removeFromUndoHistory(store: Store, id: string | undefined): void {
  const past = store.getState().history?.past ?? [];
  while (past.length && stringifyId(past[past.length - 1]?.id) === id) past.pop();
}

/**
 * The websocket address of `url`, or of the endpoint that the page names (the setting `url`), or of the
 * app's own; throws where it is no address.
 */
export function endpointUrl(url: string | undefined): string {
  const config = JSON.parse(document.getElementById("_dash-config")?.textContent || "{}");
  const named = document.querySelector<HTMLMetaElement>("meta[name=dash-pipe-url]")?.content;
  const own = `${config.requests_pathname_prefix || "/"}_pipe/ws`;
  const address = new URL(url || named || own, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  return address.href;
}

/**
 * Loads another file of this package, which Dash serves beside this one. A browser may remember for ever
 * that an address could not be loaded, so each try has its own.
 */
export const loadTransport: LoadTransport = (attempt, file) =>
  import(/* webpackIgnore: true */ `./${file}.min.js?${attempt}`);
