import type { Labels } from "./protocol";
import { type PipePosition, Subscription } from "./subscription";

/** The subscription that a Pipe asks for. */
export interface SubscribeOptions {
  /** The page. With `key` it tells whether a Pipe that mounts is one that was unmounted. */
  owner: unknown;
  key: string;
  /** The name of the Pipe in console messages. */
  name: string;
  channel: string;
  labels: Labels;
  replay: number;
  /** The most rows that may wait. */
  bufferSize: number;
  token: string | undefined;
  /** True if Dash's dev tools are on: the console says why nothing comes. */
  debug?: boolean;
  /** Called when there may be an update to deliver. */
  onChange: () => void;
}

/** A subscription with the options of its Pipe. */
export class PipeSubscription extends Subscription {
  /** Runs while the Pipe is unmounted. */
  lingerTimer: number | undefined;

  /** Its position when it was unmounted: up to there everything was delivered. */
  leftAt: PipePosition | null = null;

  constructor(
    public options: SubscribeOptions,
    resume: PipePosition | null,
  ) {
    super(options.labels, options.replay, resume);
  }

  /** The Pipe is mounted, for the first time or again. */
  mount(options: SubscribeOptions): void {
    this.lingerTimer = undefined;
    this.options = options;
    this.bufferSize = options.bufferSize;
    this.deliveredStatus = undefined;
    this.denied = false;
  }

  /** The Pipe is unmounted. `timer` removes the subscription if the Pipe does not return. */
  unmount(timer: number): void {
    this.lingerTimer = timer;
    this.leftAt = this.delivered;
    this.options = { ...this.options, onChange: () => {} };
  }

  isLingering({ owner, key }: SubscribeOptions): boolean {
    return !!this.lingerTimer && this.options.owner === owner && this.options.key === key;
  }
}
