import type { Browser, OpenTransport, Transport } from "./browser";
import { DpdDispatcher, type DpdHandlers } from "./dpd_dispatcher";
import type { ClientFrame, Labels, Row, ServerFrame } from "./protocol";

/** How often each subscription is sent, in milliseconds: the server forgets those that are silent. */
const REPEAT_INTERVAL = 10_000;

/** The epoch of this page: a log without history. */
const epoch = `~${Math.random().toString(36).slice(2)}`;
/** The number of messages of each channel so far: the frames of django-plotly-dash have no offsets. */
const offsets = new Map<string, number>();
const dispatcher = new DpdDispatcher();

/**
 * A transport over the socket that a page of django-plotly-dash has already. It answers frames of version 1
 * like a server, and exchanges the frames of django-plotly-dash with the real one. That server keeps no
 * history, so nothing is resumed or replayed. A message that names no channel is for every channel that is
 * subscribed to its label.
 */
class DpdBridge implements Transport, DpdHandlers {
  onopen: Transport["onopen"] = null;
  onmessage: Transport["onmessage"] = null;
  onclose: Transport["onclose"] = null;
  /** The labels of each subscribed channel. */
  private readonly channels = new Map<string, Labels>();
  private readonly uid = Math.random().toString(36).slice(2);
  private timer: number | undefined;
  private closed = false;

  constructor(private readonly browser: Browser) {
    dispatcher.add(this, browser);
  }

  get readyState(): number {
    return dispatcher.socket ? (this.inner?.readyState ?? 1) : 0;
  }

  send(text: string): void {
    this.handleFrame(JSON.parse(text));
  }

  close(): void {
    this.closed = true;
    this.browser.clearTimeout(this.timer);
    dispatcher.remove(this);
  }

  readonly onSocket = (): void => {
    this.inner?.addEventListener?.("open", this.handleOpen);
    this.inner?.addEventListener?.("close", this.handleClose);
    this.repeat();
    if (this.readyState === 1) this.handleOpen();
  };

  readonly onMessage = (message: unknown): void => {
    const { type, label, value, channel_name } = (message ?? {}) as Record<string, unknown>;
    if (type !== "pipe.value" || label == null) return;
    for (const [channel, labels] of this.channels) {
      if (channel_name != null && channel_name !== channel) continue;
      if (labels && !labels.includes(`${label}`)) continue;
      const upto = (offsets.get(channel) ?? 0) + 1;
      offsets.set(channel, upto);
      const row: Row = [upto, `${label}`, value, Date.now() / 1000];
      this.emit({ type: "messages", channel, epoch, messages: [row], upto });
    }
  };

  /** The websocket inside the page's socket. */
  private get inner() {
    return dispatcher.socket?.wsb?.socket;
  }

  private readonly handleOpen = (): void => {
    if (!this.closed) this.onopen?.();
  };

  private readonly handleClose = (): void => {
    if (!this.closed) this.onclose?.({ code: 1006, reason: "" });
  };

  private handleFrame(frame: ClientFrame): void {
    if (frame.type === "unsubscribe") {
      // The server is not told: leaving the group there would affect the other Pipes of the page.
      this.channels.delete(frame.channel);
    } else if (frame.type === "subscribe") {
      const { channel } = frame;
      this.channels.set(channel, frame.labels);
      this.sendTriplets(channel);
      this.emit({ type: "subscribed", channel, epoch, offset: offsets.get(channel) ?? 0, recovered: null });
    } else if (frame.type === "replay") {
      const { id, channel } = frame;
      const upto = offsets.get(channel) ?? 0;
      this.emit({ type: "replayed", id, channel, epoch, messages: [], upto, done: true });
    }
  }

  private emit(frame: ServerFrame | object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** Send the subscriptions of a channel, one frame for each label. */
  private sendTriplets(channel: string): void {
    for (const label of this.channels.get(channel) ?? [""]) {
      const triplet = { uid: `${this.uid} ${channel} ${label}`, label, channel_name: channel };
      dispatcher.socket?.send({ type: "connection_triplet", ...triplet });
    }
  }

  private repeat(): void {
    if (this.closed) return;
    if (this.readyState === 1) {
      // The page's socket is open: that is the heartbeat.
      this.emit({ type: "ping", n: 0 });
      for (const channel of this.channels.keys()) this.sendTriplets(channel);
    }
    this.timer = this.browser.setTimeout(() => this.repeat(), REPEAT_INTERVAL);
  }
}

const openBridge: OpenTransport = (browser) => new DpdBridge(browser);

export default openBridge;
