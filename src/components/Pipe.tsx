import { useEffect, useRef } from "react";
import { type ComponentRef, useComponentRef } from "../dash";
import { mountPipe } from "../mount";
import type { Props } from "../pipe_props";

/**
 * A Pipe subscribes to a channel of the server. A message that Python code sends
 * with `send_to_pipe_channel(channel_name=..., label=..., value=...)` arrives here
 * as the property `value`, in every browser that has the page open, and fires
 * ordinary callbacks. A Pipe renders nothing.
 */
const Pipe = (props: Props): null => {
  const { channel_name, label, url, token, disabled, buffer_size } = props;
  const ref = useComponentRef();
  // Dash makes a new `setProps` with every render.
  const latest = useRef({} as { props: Props; ref: ComponentRef });
  latest.current = { props, ref };
  const labels = label == null ? null : ([] as string[]).concat(label);
  const labelsKey = JSON.stringify(labels);
  const { store } = ref;

  useEffect(
    () => mountPipe(latest, labels),
    [store, labelsKey, channel_name, url, token, disabled, buffer_size],
  );

  return null;
};

export default Pipe;
