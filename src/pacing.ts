import { type Clock, report } from "./browser";

/** One Pipe, as the pacer sees it. */
export interface PacedPipe {
  id: string | undefined;
  /** The name of the Pipe in console messages. */
  name: string;
  /** The least time between two updates, in milliseconds. */
  throttle: number;
  hasUpdate: boolean;
  /** Deliver the update to Dash. If it throws, the update is kept and retried. */
  deliver(): void;
}

export interface Store<State> {
  getState(): State;
  subscribe(call: () => void): () => void;
}

interface Entry {
  pipe: PacedPipe;
  /** The earliest time of the next update, because of `throttle` or a delivery that failed. */
  due: number;
  /** The time since when a running callback has held the update back. */
  heldSince?: number | undefined;
  warned?: boolean;
  /** Failed deliveries in a row. */
  failures: number;
  timer?: number;
}

/** In milliseconds. */
const HOLD_WARNING = 30_000;
const RETRY_DELAY = 1000;

/**
 * Decides when the updates of all Pipes of one store are delivered to Dash.
 *
 * Dash drops the result of a callback that is called again while it runs, so a Pipe waits while any callback
 * that has it among its Inputs is in flight. `busyIds` returns the ids of the Pipes that must wait, or null if
 * all must. All other Pipes deliver in the same tick: Pipes that feed one callback then cause one call of it,
 * and not two of which one is dropped.
 */
export class Pacer<State> {
  private readonly entries = new Set<Entry>();
  private unsubscribe: (() => void) | null = null;
  private scheduled = false;

  constructor(
    private readonly store: Store<State>,
    private readonly busyIds: (state: State) => Set<string> | null,
    private readonly clock: Clock,
  ) {}

  /** Add a Pipe; return a function that removes it. */
  add(pipe: PacedPipe): () => void {
    const entry: Entry = { pipe, due: 0, failures: 0 };
    this.entries.add(entry);
    this.unsubscribe ??= this.store.subscribe(this.wake);
    return () => this.remove(entry);
  }

  /** Return true if a Pipe has this id. */
  has(id: string): boolean {
    return [...this.entries].some(({ pipe }) => pipe.id === id);
  }

  /** Look for updates to deliver. In a microtask, not in a timer: timers of a hidden tab are late. */
  readonly wake = (): void => {
    if (this.scheduled || ![...this.entries].some(({ pipe }) => pipe.hasUpdate)) return;
    this.scheduled = true;
    this.clock.queueMicrotask(() => this.flush());
  };

  private remove(entry: Entry): void {
    this.clock.clearTimeout(entry.timer);
    this.entries.delete(entry);
    if (this.entries.size) return;
    this.unsubscribe?.();
    this.unsubscribe = null;
  }

  private flush(): void {
    this.scheduled = false;
    const busy = this.busyIds(this.store.getState());
    if (!busy) return;
    for (const entry of this.entries) {
      const { pipe, due } = entry;
      if (!pipe.hasUpdate) continue;
      if (pipe.id !== undefined && busy.has(pipe.id)) this.hold(entry);
      else if (this.now() < due) this.wakeAt(entry, due);
      else this.deliver(entry);
    }
  }

  private deliver(entry: Entry): void {
    const { pipe } = entry;
    entry.heldSince = undefined;
    try {
      pipe.deliver();
      entry.due = this.now() + pipe.throttle;
      entry.failures = 0;
    } catch (error) {
      // Do not retry at once: a delivery that changes the store before it fails would loop forever.
      entry.due = this.now() + RETRY_DELAY;
      this.wakeAt(entry, entry.due);
      // The first failure may be a page that Dash has just removed, before React unmounts its Pipes.
      if (++entry.failures === 2) report(`${pipe.name}: update failed; will retry every second.`, error);
    }
  }

  private hold(entry: Entry): void {
    entry.heldSince ??= this.now();
    const warnAt = entry.heldSince + HOLD_WARNING;
    if (this.now() < warnAt) {
      this.wakeAt(entry, warnAt);
      return;
    }
    if (entry.warned) return;
    entry.warned = true;
    report(
      `${entry.pipe.name} is waiting: a callback that has it as an Input has been running for 30 s. ` +
        "Give that callback its own Pipe.",
    );
  }

  private wakeAt(entry: Entry, time: number): void {
    this.clock.clearTimeout(entry.timer);
    entry.timer = this.clock.setTimeout(this.wake, time - this.now());
  }

  private now(): number {
    return this.clock.performance.now();
  }
}
