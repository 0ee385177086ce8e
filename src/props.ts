import type { Batch } from "./subscription";

type Props = Record<string, unknown>;

/** The properties that tell the page what is in `batch`, on top of its `current` ones. */
export function updateProps(
  channel_name: string,
  { rows, gaps, lastGap, status }: Batch,
  current: Props,
): Props {
  const props: Props = {};
  const more = (name: string, n: number) => {
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
    more("n_messages", rows.length);
    for (const [, , value] of rows) {
      // A `dash.Patch` changes what is there already; on its own it is no value.
      if (!(value as Props | null)?.__dash_patch_update) props.value = value;
    }
  }
  if (gaps) {
    more("n_gaps", gaps);
    props.last_gap = lastGap;
  }
  if (status !== current.status) props.status = status;
  return props;
}
