import { type Clock, report } from "./browser";

/** One Pipe as the pacer sees it. */
export interface PacedPipe {
  id: string | undefined;
  /** How the console names it. */
  name: string;
  /** Least milliseconds between two updates. */
  throttle: number;
  pending: boolean;
  /** Puts what is pending into Dash. Where it throws, it is still pending. */
  deliver(): void;
}

export interface Store<State> {
  getState(): State;
  subscribe(call: () => void): () => void;
}

interface Member {
  pipe: PacedPipe;
  /** Not before this moment: throttled, or the last delivery failed. */
  due: number;
  /** Since when a running callback holds it back. */
  held?: number | undefined;
  warned?: boolean;
  /** How many times in a row. */
  failed: number;
  timer?: number;
}

const HELD = 30_000;
const RETRY = 1000;

export interface Pacer {
  /** Returns how to leave. */
  join(pipe: PacedPipe): () => void;
  /** Something may be pending now. */
  wake(): void;
}

/**
 * When the next update of each Pipe of one store may enter Dash.
 *
 * Dash drops a call that is superseded while it runs, so a Pipe waits while any callback that has it
 * among its Inputs is on its way. Who is free is asked once for all of them, and all who are free deliver
 * in one tick: Pipes that feed the same callback make one call of it together, not two of which one is dropped.
 *
 * `busy` names the ids that must wait in a state; null when all must.
 */
export function pace<State>(
  store: Store<State>,
  busy: (state: State) => Set<string> | null,
  clock: Clock,
): Pacer {
  const now = () => clock.performance.now();
  const members = new Set<Member>();
  let unsubscribe: (() => void) | null = null;
  let scheduled = false;

  /** By microtask, not by timer: a hidden tab's timers are late. */
  const wake = (): void => {
    if (scheduled || ![...members].some(({ pipe }) => pipe.pending)) return;
    scheduled = true;
    clock.queueMicrotask(flush);
  };

  const alarm = (member: Member, at: number): void => {
    clock.clearTimeout(member.timer);
    member.timer = clock.setTimeout(wake, at - now());
  };

  const deliver = (member: Member): void => {
    const { pipe } = member;
    member.held = undefined;
    try {
      pipe.deliver();
      member.due = now() + pipe.throttle;
      member.failed = 0;
    } catch (error) {
      // Never at once: a delivery that changes the store before it fails would run for ever.
      member.due = now() + RETRY;
      alarm(member, member.due);
      // The first may be a page that Dash has just taken away, with React about to unmount its Pipes.
      if (++member.failed === 2) report(`${pipe.name}: an update failed and is tried again.`, error);
    }
  };

  const hold = (member: Member) => {
    member.held ??= now();
    const patience = member.held + HELD;
    if (now() < patience) return alarm(member, patience);
    if (member.warned) return;
    member.warned = true;
    report(
      `${member.pipe.name} waits: a callback with it as Input has run for 30 s. Give that one its own Pipe.`,
    );
  };

  const flush = (): void => {
    scheduled = false;
    const waiting = busy(store.getState());
    if (!waiting) return;
    for (const member of members) {
      const { pipe, due } = member;
      if (!pipe.pending) continue;
      if (pipe.id !== undefined && waiting.has(pipe.id)) hold(member);
      else if (now() < due) alarm(member, due);
      else deliver(member);
    }
  };

  return {
    wake,
    join(pipe) {
      const member: Member = { pipe, due: 0, failed: 0 };
      members.add(member);
      unsubscribe ??= store.subscribe(wake);
      return () => {
        clock.clearTimeout(member.timer);
        members.delete(member);
        if (members.size) return;
        unsubscribe?.();
        unsubscribe = null;
      };
    },
  };
}
