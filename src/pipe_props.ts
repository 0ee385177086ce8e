export type Props = {
  /**
   * The id of this component: a string, or a dict for pattern-matching callbacks. If a Pipe is
   * removed and a Pipe with the same id, channel and labels comes back on the same page, it
   * continues where the first one was.
   */
  id?: string;
  /**
   * The channel to subscribe to: a name of 1 to 200 characters, as in
   * `send_to_pipe_channel(channel_name=...)`. A callback may change it.
   */
  channel_name: string;
  /**
   * The messages to receive: the name of one label, a list of at most 32 labels,
   * or nothing for every label. A callback may change it.
   */
  label?: string | string[];
  /**
   * The value of the newest message: the JSON that the server sent. Use it as the
   * Input of a callback. It fires for every update, even if the same value is sent
   * twice. One update can hold several messages: to handle each of them, use
   * `messages`. (A `Patch` that is sent as a value is in `messages` only.)
   */
  // biome-ignore lint/suspicious/noExplicitAny: for `unknown` Dash would write "a dict"
  value?: any;
  /**
   * All messages of this update, in the order of the channel: a list of dicts with
   * `channel_name`, `label`, `value`, `offset` (the number of the message in its
   * channel) and `time` (in seconds since 1970, on the server's clock). While a
   * callback of this Pipe is running, messages wait for the next update; none is
   * skipped.
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
   * The number of messages so far, like `n_clicks` of a button. It changes with
   * every update that holds messages.
   */
  n_messages?: number;
  /**
   * The state of the connection: `connecting`, `open`, `polling` (open, but without
   * a websocket), `closed` (disabled), or `denied` (rejected: the browser's console
   * says why).
   */
  status?: "connecting" | "open" | "polling" | "closed" | "denied";
  /**
   * The number of times that messages for this Pipe were lost. It does not count
   * gaps whose cause is `unknown`.
   */
  n_gaps?: number;
  /**
   * The last loss. `from` is the offset of the last message before it, `to` the
   * offset of the last lost message (None if unknown), and `cause` is `window` (the
   * page was away for longer than the server keeps messages), `epoch` (the server
   * lost its newest messages, or all), `buffer` (more than `buffer_size` messages
   * waited) or `unknown` (nobody knows whether messages were lost).
   */
  last_gap?: {
    from: number;
    to?: number;
    cause: "window" | "epoch" | "buffer" | "unknown";
  };
  /**
   * The number of past messages of each label to deliver when this Pipe subscribes:
   * 0 (default: new messages only) to 1000. With 1, a page starts from the current
   * state.
   */
  replay?: number;
  /**
   * The least time between two updates, in milliseconds (default 0). Messages that
   * arrive earlier wait for the next update; none is skipped.
   */
  throttle?: number;
  /**
   * The number of messages that may wait for a slow callback or for `throttle`
   * (default 1000). If there are more, the oldest are dropped and `n_gaps` counts it.
   */
  buffer_size?: number;
  /**
   * If True, do not subscribe (default False). A change back to False starts again:
   * messages that were sent in between are not delivered, unless `replay` asks for
   * them.
   */
  disabled?: boolean;
  /**
   * The base of the dash-pipe endpoint, if it is not `_pipe/` below the address of
   * this app: `https://example.org/app/_pipe/` (also with `http:`, `ws:` or `wss:`),
   * or a path on the host of the page; or `dpd:` for the socket that a page of
   * django-plotly-dash has.
   */
  url?: string;
  /**
   * A token of `dash_pipe.sign_channel`, if the channel is protected. All Pipes of a
   * page on one channel share the newest. A callback may change it: the Pipe goes on
   * at its position, also if it was denied since the old token had ended.
   */
  token?: string;
  /**
   * Called by the component to change its properties.
   */
  setProps: (props: Record<string, unknown>) => void;
};
