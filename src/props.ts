import type { Batch } from "./subscription";

type Props = Record<string, unknown>;

/** Return the properties that change with a batch, given the `current` ones. */
export function updateProps(
  channel_name: string,
  { rows, gaps, lastGap, status }: Batch,
  current: Props,
): Props {
  const props: Props = {};
  const add = (name: string, n: number) => {
    props[name] = ((current[name] as number) || 0) + n;
  };
  if (rows.length) {
    props.messages = rows.map(([offset, label, value, time]) => ({
      channel_name,
      label,
      value,
      offset,
      time,
    }));
    add("n_messages", rows.length);
    for (const [, , value] of rows) {
      // A `dash.Patch` changes an existing value; it is not a value itself.
      if (!(value as Props | null)?.__dash_patch_update) props.value = value;
    }
  }
  if (gaps) add("n_gaps", gaps);
  if (lastGap) props.last_gap = lastGap;
  if (status !== current.status) props.status = status;
  return props;
}
