import { useEffect, useRef } from "react";
import { type Browser, report } from "../browser";
import { connect } from "../connection";
import { type ComponentRef, deliver, endpointUrl, loadTransport, pacerOf, useComponentRef } from "../dash";
import { updateProps } from "../props";
import { MAX_LABELS, MAX_NAME } from "../protocol";
import { Subscription } from "../subscription";

type Props = {
  /**
   * The id of this component, a string or (for pattern-matching callbacks) a dict.
   */
  id?: string;
  /**
   * The channel to listen on: a name of 1 to 200 characters, as in
   * `send_to_pipe_channel(channel_name=...)`. A callback may change it.
   */
  channel_name: string;
  /**
   * Which messages of the channel to take: the name of one label, a list of at
   * most 32 labels, or nothing for every label. A callback may change it.
   */
  label?: string | string[];
  /**
   * The value of the newest message: whatever JSON the server sent. The usual
   * Input of a callback; it fires for every update, also when the same value is
   * sent twice. Several messages can arrive in one update: where each of them
   * counts, read `messages`. (A `Patch` sent as a value is found in `messages`
   * only.)
   */
  // biome-ignore lint/suspicious/noExplicitAny: for `unknown` Dash would write "a dict"
  value?: any;
  /**
   * Every message of this update, in the order of the channel: a list of dicts
   * with `channel_name`, `label`, `value`, `offset` (the number of the message
   * in its channel) and `time` (in seconds since 1970, on the server's clock).
   * While a callback of this Pipe is running, messages wait here for the next
   * update; none is skipped.
   */
  messages?: {
    channel_name: string;
    label: string;
    // biome-ignore lint/suspicious/noExplicitAny: as above
    value: any;
    offset: number;
    time: number;
  }[];
  /**
   * How many messages have arrived so far, like `n_clicks` of a button. It
   * changes with every update.
   */
  n_messages?: number;
  /**
   * How the connection is: `connecting`, `open`, `polling` (open, but without a
   * websocket), `closed` (disabled), or `denied` (refused: the console of the
   * browser says why).
   */
  status?: "connecting" | "open" | "polling" | "closed" | "denied";
  /**
   * How many times messages for this Pipe were lost for good so far.
   */
  n_gaps?: number;
  /**
   * The last loss: `from` is the offset of the last message before it, `to` that
   * of the last lost message (None where that can't be known), and `cause` is
   * `window` (away for longer than the server keeps messages), `epoch` (the
   * server began its count anew) or `buffer` (more messages waited than
   * `buffer_size`).
   */
  last_gap?: {
    from: number;
    to?: number;
    cause: "window" | "epoch" | "buffer";
  };
  /**
   * How many past messages of each label to deliver when this Pipe begins to
   * listen, from 0 (default: only what is new) to 1000. With 1 a page starts
   * from the current state.
   */
  replay?: number;
  /**
   * The least time between two updates, in milliseconds (default 0). Messages
   * that arrive sooner wait for the next update; none is skipped.
   */
  throttle?: number;
  /**
   * How many messages may wait, for a slow callback or for `throttle` (default
   * 1000). Beyond it the oldest are given up, and `n_gaps` counts that.
   */
  buffer_size?: number;
  /**
   * True: don't listen (default False). Back to False is a new start: what was
   * sent meanwhile does not come, unless `replay` asks for it.
   */
  disabled?: boolean;
  /**
   * The address of the dash-pipe endpoint, when it is not `_pipe/ws` below the
   * address of this app: a path, or an address with `ws:`, `wss:`, `http:` or
   * `https:`; or `dpd:` for the socket that a page of django-plotly-dash has.
   */
  url?: string;
  /**
   * A signed permission to listen on this channel, where the server asks for
   * one. A callback may change it; the place in the channel is kept.
   */
  token?: string;
  /**
   * Called by the component to change its properties.
   */
  setProps: (props: Record<string, unknown>) => void;
};

/** A frame, with the token in it, must not be larger than the server takes. */
const MAX_TOKEN = 4000;
const NAME = RegExp(`^.{1,${MAX_NAME}}$`, "su");

/** Throws where the server could only refuse. */
function checkNames({ channel_name, label, token }: Props, labels: string[] | null): void {
  const names = [channel_name, ...(labels ?? [])];
  if (
    names.length <= 1 + MAX_LABELS &&
    names.every((name) => name?.match?.(NAME)) &&
    (token ?? "").length <= MAX_TOKEN
  )
    return;
  throw new Error(
    `names have 1 to ${MAX_NAME} characters, a token ${MAX_TOKEN} at most, and labels are at most ` +
      `${MAX_LABELS}; got label=${JSON.stringify(label)}`,
  );
}

/**
 * A Pipe listens on a channel of the server: what any Python code sends with
 * `send_to_pipe_channel(channel_name=..., label=..., value=...)` arrives here
 * as the property `value`, in every browser that has the page open, and fires
 * ordinary callbacks. It renders nothing.
 */
const Pipe = (props: Props): null => {
  const { id, channel_name, label, url, token, disabled, buffer_size } = props;
  const ref = useComponentRef();
  // Dash makes a new `setProps` with every render.
  const latest = useRef({} as { props: Props; ref: ComponentRef });
  latest.current = { props, ref };
  const labels = label == null ? null : ([] as string[]).concat(label);
  // Counts the times it was disabled: what was sent meanwhile is not for it, so its place is not taken up.
  const starts = useRef(0);
  const key = JSON.stringify(labels);
  const owner = ref.store;

  useEffect(() => {
    const name = `Pipe(id=${JSON.stringify(id)}, channel_name=${JSON.stringify(channel_name)})`;
    const pacer = pacerOf(owner);
    let leave = () => {};
    let subscription = new Subscription(labels);
    subscription.status = "closed";
    try {
      checkNames(props, labels);
      if (disabled) starts.current++;
      else {
        const connection = connect(endpointUrl(url), window as unknown as Browser, loadTransport);
        const replay = Math.min(1000, props.replay || 0);
        const bufferSize = Math.max(1, buffer_size ?? 1000);
        const options = {
          owner,
          key: `${id} ${starts.current}`,
          name,
          channel: channel_name,
          labels,
          replay,
          bufferSize,
          token,
          onChange: pacer.wake,
        };
        subscription = connection.subscribe(options);
        leave = () => connection.unsubscribe(subscription);
      }
    } catch (error) {
      subscription.status = "denied";
      report(`${name} does not listen: ${(error as Error).message}.`);
    }
    const part = pacer.join({
      id,
      name,
      get throttle() {
        return latest.current.props.throttle || 0;
      },
      get pending() {
        return subscription.hasUpdate;
      },
      deliver() {
        const { props: now, ref: here } = latest.current;
        deliver(here, id, now.setProps, (current) =>
          updateProps(channel_name, subscription.batch(), current),
        );
        subscription.clear();
      },
    });
    pacer.wake();
    return () => {
      part();
      leave();
    };
  }, [owner, key, channel_name, url, token, disabled, buffer_size]);

  return null;
};

export default Pipe;
