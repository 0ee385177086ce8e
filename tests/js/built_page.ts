import { readFileSync } from "node:fs";
import { FakeBrowser, subscribed } from "./fakes";

type Props = Record<string, unknown>;
type Component = (props: Props) => null;

const DIRECTORY = new URL("../../dash_pipe/", import.meta.url);
const BUNDLE = readFileSync(new URL("dash_pipe.min.js", DIRECTORY), "utf8");

interface Effect {
  deps: unknown[];
  cleanup: () => void;
}

/** The two hooks of React that the component uses. */
class FakeReact {
  private component: BuiltPipe | null = null;
  private hook = 0;
  private effects: (() => void)[] = [];

  useRef = (initial: unknown): unknown => {
    const { hooks } = this.component as BuiltPipe;
    hooks[this.hook] ??= { current: initial };
    return hooks[this.hook++];
  };

  useEffect = (effect: () => () => void, deps: unknown[]): void => {
    const { hooks } = this.component as BuiltPipe;
    const index = this.hook++;
    const last = hooks[index] as Effect | undefined;
    if (last && deps.every((each, n) => Object.is(each, last.deps[n]))) return;
    this.effects.push(() => {
      last?.cleanup();
      hooks[index] = { deps, cleanup: effect() };
    });
  };

  render(pipe: BuiltPipe, component: Component, props: Props): void {
    this.component = pipe;
    this.hook = 0;
    component(props);
    for (const effect of this.effects.splice(0)) effect();
  }
}

/** A Pipe on a `BuiltPage`. */
export class BuiltPipe {
  readonly hooks: unknown[] = [];
  /** The arguments of each call of `setProps`. */
  readonly updates: Props[] = [];

  constructor(
    private readonly page: BuiltPage,
    readonly props: Props,
  ) {}

  /** The rows of all updates, as they are on the wire. */
  get rows(): unknown[] {
    const messages = this.updates.flatMap((update) => (update.messages ?? []) as Props[]);
    return messages.map(({ offset, label, value, time }) => [offset, label, value, time]);
  }

  get gaps(): unknown[] {
    return this.updates.flatMap((update) => update.last_gap ?? []);
  }

  render(): void {
    this.page.render(this);
  }

  unmount(): void {
    for (const hook of this.hooks) (hook as Partial<Effect>).cleanup?.();
  }

  setProps = (props: Props): void => {
    this.updates.push(props);
    Object.assign(this.props, props);
  };
}

/**
 * A page that runs dash_pipe.min.js, with as much of React, dash-renderer and the browser as that needs.
 * It is the committed file: after a change in src/ run `make build`.
 */
export class BuiltPage {
  readonly browser = new FakeBrowser();
  /** The files that the bundle has loaded. */
  readonly loaded: string[] = [];
  private readonly react = new FakeReact();
  private readonly pipes: BuiltPipe[] = [];
  private readonly window: FakeBrowser & { dash_pipe?: { Pipe: Component } };

  /** `config` is what Dash writes into the page. */
  constructor(config: object = {}) {
    const document = Object.assign(this.browser.document, {
      getElementById: () => ({ textContent: JSON.stringify(config) }),
      querySelector: () => null,
    });
    this.window = Object.assign(this.browser, {
      React: this.react,
      dash_component_api: {
        useDashContext: () => ({ componentPath: this.path, useStore: () => this.store }),
      },
    });
    // `import()` is not available in such a function.
    const code = BUNDLE.replaceAll("import(", "load(");
    const run = new Function("window", "document", "location", "load", code);
    run(this.window, document, { href: "http://host/" }, this.load);
  }

  mount(props: Props): BuiltPipe {
    const pipe = new BuiltPipe(this, { id: `pipe-${this.pipes.length}`, ...props });
    this.pipes.push(pipe);
    this.render(pipe);
    this.browser.tick();
    return pipe;
  }

  render(pipe: BuiltPipe): void {
    this.path = ["pipes", this.pipes.indexOf(pipe)];
    const component = this.window.dash_pipe?.Pipe as Component;
    this.react.render(pipe, component, { ...pipe.props, setProps: pipe.setProps });
  }

  /** Lose the connection and open another; return the first frame on it. */
  reconnect(): Props | undefined {
    this.browser.socket.drop(1006);
    this.browser.pass(300);
    this.browser.socket.open();
    return this.browser.socket.sent[0];
  }

  /** Move to a position: the reply to the first subscribe names it, and then the page reconnects. */
  startAt({ epoch, offset }: { epoch: string; offset: number }, channel = "jobs"): Props | undefined {
    this.browser.socket.hear(subscribed(channel, offset, { epoch }));
    return this.reconnect();
  }

  private path: unknown[] = [];

  private readonly load = (path: string): Promise<unknown> => {
    this.loaded.push(path);
    return import(/* @vite-ignore */ new URL(path.replace(/\?.*/, ""), DIRECTORY).href);
  };

  private readonly store = {
    getState: () => ({
      appLifecycle: "HYDRATED",
      callbacks: {},
      layout: { pipes: this.pipes },
      paths: {},
      history: { past: [] },
    }),
    subscribe: () => () => {},
    dispatch: ({ payload }: { payload: { itempath: [string, number]; props: Props } }) => {
      Object.assign(this.pipes[payload.itempath[1]]?.props ?? {}, payload.props);
    },
  };
}
