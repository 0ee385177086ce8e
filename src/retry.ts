import { type Clock, report } from "./browser";

/** In milliseconds. */
const FIRST_DELAY = 1000;
const MAX_DELAY = 8000;
const RETRY_FOR = 60_000;

interface Outage {
  /** The time of the first call that failed. */
  since: number;
  delay: number;
}

/**
 * Repeats callback calls that the server did not answer, as while it restarts.
 *
 * `repeat` requests a call again; it returns false if that is not possible yet. A call in `waiting` counts as
 * in flight, so its Pipes hold later updates: then a message is in one call that succeeds, and in order.
 */
export class Retrier<Call> {
  readonly waiting = new Set<Call>();
  private readonly outages = new Map<string, Outage>();

  constructor(
    private readonly repeat: (call: Call) => boolean,
    private readonly clock: Clock,
  ) {}

  /** Take the result of a call; `key` names its callback. */
  settle(key: string, call: Call, error: unknown): void {
    const cause = unavailable(error);
    if (!cause) {
      this.outages.delete(key);
      return;
    }
    const now = this.clock.performance.now();
    const outage = this.outages.get(key) ?? { since: now, delay: FIRST_DELAY };
    if (now - outage.since >= RETRY_FOR) {
      this.outages.delete(key);
      report(`a callback was retried for ${RETRY_FOR / 1000} s; its update is lost (${cause}).`);
      return;
    }
    this.outages.set(key, { since: outage.since, delay: Math.min(MAX_DELAY, 2 * outage.delay) });
    this.waiting.add(call);
    this.repeatIn(call, outage.delay);
  }

  private repeatIn(call: Call, delay: number): void {
    this.clock.setTimeout(() => {
      this.waiting.delete(call);
      if (this.repeat(call)) return;
      this.waiting.add(call);
      this.repeatIn(call, FIRST_DELAY);
    }, delay);
  }
}

/** Return a cause if the server of the callback was away: a proxy said so, or nobody answered. */
function unavailable(error: unknown): string {
  const { status, message } = (error ?? {}) as { status?: number; message?: string };
  if (status === 502 || status === 503) return `status ${status}`;
  return message === "Callback failed: the server did not respond." ? "no response" : "";
}
