import { type Browser, report } from "./browser";
import { connect } from "./connection";
import { type ComponentRef, deliver, endpointUrl, hasDevTools, loadTransport, pacerOf } from "./dash";
import type { PacedPipe } from "./pacing";
import type { Props } from "./pipe_props";
import { updateProps } from "./props";
import { type Labels, MAX_LABELS, MAX_NAME } from "./protocol";
import { type Status, Subscription } from "./subscription";

/** A larger token would make the frame larger than the server accepts. */
const MAX_TOKEN = 4000;
const MAX_REPLAY = 1000;
const NAME = RegExp(`^.{1,${MAX_NAME}}$`, "su");

/** The most Pipes of which it is known how many times they were disabled. */
const MAX_DISABLED = 1000;
/** The number of times that each Pipe was disabled, by id. Part of its key: an enabled Pipe starts again. */
const timesDisabled = new Map<string, number>();

/** A value that lives as long as the component, as React's `useRef` makes it. */
interface Ref<T> {
  current: T;
}

/** The properties and the place of a component at its last render. */
export type Latest = Ref<{ props: Props; ref: ComponentRef }>;

interface Opened {
  subscription: Subscription;
  close(): void;
}

/** Subscribe a Pipe that was mounted, and deliver its updates. Return a function for when it is unmounted. */
export function mountPipe(latest: Latest, labels: Labels): () => void {
  const { props, ref } = latest.current;
  const { id, channel_name } = props;
  const name = `Pipe(id=${JSON.stringify(id)}, channel_name=${JSON.stringify(channel_name)})`;
  const { subscription, close } = openSubscription(name, latest, labels);
  const pacer = pacerOf(ref.store);
  const removeFromPacer = pacer.add(pacedPipe(name, latest, subscription));
  pacer.wake();
  return () => {
    removeFromPacer();
    close();
  };
}

function openSubscription(name: string, latest: Latest, labels: Labels): Opened {
  const { props, ref } = latest.current;
  const id = `${props.id}`;
  try {
    checkNames(props, labels);
    if (props.disabled) {
      countDisabled(id);
      return notSubscribed(labels, "closed");
    }
    const connection = connect(endpointUrl(props.url), window as unknown as Browser, loadTransport);
    const subscription = connection.subscribe({
      owner: ref.store,
      key: `${id} ${timesDisabled.get(id) ?? 0}`,
      name,
      channel: props.channel_name,
      labels,
      replay: Math.min(MAX_REPLAY, props.replay || 0),
      bufferSize: Math.max(1, props.buffer_size ?? 1000),
      token: props.token,
      debug: hasDevTools(),
      onChange: pacerOf(ref.store).wake,
    });
    return { subscription, close: () => connection.unsubscribe(subscription) };
  } catch (error) {
    report(`${name} is not subscribed: ${(error as Error).message}.`);
    return notSubscribed(labels, "denied");
  }
}

function countDisabled(id: string): void {
  const times = timesDisabled.get(id) ?? 0;
  timesDisabled.delete(id);
  timesDisabled.set(id, times + 1);
  if (timesDisabled.size > MAX_DISABLED) timesDisabled.delete([...timesDisabled.keys()][0] as string);
}

/** A subscription that never receives anything: it only shows a status. */
function notSubscribed(labels: Labels, status: Status): Opened {
  const subscription = new Subscription(labels);
  subscription.status = status;
  return { subscription, close() {} };
}

/** Throw if the server would reject the names. */
function checkNames({ channel_name, label, token }: Props, labels: Labels): void {
  const names = [channel_name, ...(labels ?? [])];
  if (
    names.length <= 1 + MAX_LABELS &&
    names.every((name) => name?.match?.(NAME)) &&
    (token ?? "").length <= MAX_TOKEN
  )
    return;
  throw new Error(
    `expected a channel_name and labels of 1 to ${MAX_NAME} characters each, at most ${MAX_LABELS} labels ` +
      `and a token of at most ${MAX_TOKEN} characters; got label=${JSON.stringify(label)}`,
  );
}

function pacedPipe(name: string, latest: Latest, subscription: Subscription): PacedPipe {
  const { id, channel_name } = latest.current.props;
  return {
    id,
    name,
    get throttle() {
      return latest.current.props.throttle || 0;
    },
    get hasUpdate() {
      return subscription.hasUpdate;
    },
    deliver() {
      const { props, ref } = latest.current;
      const build = (current: Record<string, unknown>) =>
        updateProps(channel_name, subscription.batch(), current);
      deliver(ref, id, props.setProps, build);
      subscription.clear();
    },
  };
}
