"""The hub: who listens here, and the fan-out. No sockets, no tasks.

A hub belongs to one loop: every method but ``grown`` is called there. It reads logs for the
sessions that a host brings, and writes frames to their outlets.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from . import protocol
from .brokers import Broker
from .errors import ProtocolError
from .log import Batch, Labels, Lost, Position
from .protocol import MAX_BATCH_BYTES, Close, Denied, Frame, Pong, Replay, Subscribe, Unsubscribe
from .session import Outlet, PendingReplay, Session, Subscription

# What was read for one place, so that all who stand there share it.
_Place = tuple[int, Labels]
_Shared = dict[_Place, tuple[Batch, Frame | None]]


@dataclass(frozen=True)
class Policy:
    """What a hub holds its sessions to.

    Attributes:
        heartbeat: seconds between two signs of life, in both directions.
        max_spread: seconds over which browsers are spread at most when this server goes away.
        returns_per_second: how many returning browsers a server should meet a second.
        max_sessions: how many connections a hub takes.
    """

    heartbeat: float = 25.0
    max_spread: float = 30.0
    returns_per_second: float = 200.0
    max_sessions: int = 10_000


class Hub:
    """Brings what is published to the sessions that listen.

    Args:
        broker: who keeps the logs.
        policy: what the sessions are held to.
        wake: asks the loop to call ``flush`` soon; called from any thread.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        broker: Broker,
        policy: Policy,
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._broker = broker
        self._policy = policy
        self._wake = wake
        self._clock = clock
        self._listeners: dict[str, dict[Session, Subscription]] = {}
        self._beats: OrderedDict[Session, float] = OrderedDict()  # when each is due, soonest first
        self._grown_lock = threading.Lock()
        self._grown: set[str] = set()
        self._unwatch = broker.watch(self.grown)

    def __len__(self) -> int:
        return len(self._beats)

    # The conversation with one browser

    def connect(self, outlet: Outlet) -> Session | None:
        """Take a browser in; ``None`` when there is no room and its outlet was closed."""
        if len(self._beats) >= self._policy.max_sessions:
            outlet.close(Close.TRY_LATER, f"{self._policy.max_sessions} connections are open")
            return None
        session = Session(outlet)
        self._beats[session] = self._clock() + self._policy.heartbeat
        return session

    def disconnect(self, session: Session) -> None:
        """Forget a session; more than once does no harm."""
        if self._beats.pop(session, None) is None:
            return
        for channel in list(session.subscriptions):
            self._unsubscribe(session, channel)
        session.replays.clear()

    def receive(self, session: Session, text: str) -> None:
        """Take a frame from a browser and answer it."""
        if session not in self._beats:
            return  # it was closed; what was under way already means nothing now
        if session.asked is not None:
            session.inbox.append(text)
            return
        try:
            match protocol.decode(text):
                case Subscribe() as request:
                    self._ask(session, request)
                case Unsubscribe(channel):
                    self._unsubscribe(session, channel)
                case Replay() as request:
                    self._replay(session, request)
                case Pong(n):
                    if session.answered(n):
                        self._serve(session)
        except ProtocolError as problem:
            session.outlet.send(protocol.error(problem))
            if problem.code == "bad_frame":
                session.bad_frames += 1
                if session.bad_frames == protocol.MAX_BAD_FRAMES:
                    self._expel(session, Close.BAD_FRAMES, "too many bad frames")

    def decided(self, session: Session, denied: Denied) -> None:
        """Take the verdict that ``Outlet.permit`` left open, then what came while it was."""
        request, session.asked = session.asked, None
        if request is None or session not in self._beats:
            return
        try:
            self._subscribe(session, request, denied)
        except ProtocolError as problem:
            session.outlet.send(protocol.error(problem))
        while session.inbox and session.asked is None:
            self.receive(session, session.inbox.pop(0))

    # The broker's side

    def grown(self, channel: str) -> None:
        """Note that a log has grown. May be called from any thread; never waits."""
        if channel not in self._listeners:
            return
        with self._grown_lock:
            idle = not self._grown
            self._grown.add(channel)
        if idle:
            self._wake()

    def flush(self) -> None:
        """Bring what has grown since the last flush to those who listen."""
        with self._grown_lock:
            grown, self._grown = self._grown, set()
        for channel in grown:
            shared: _Shared = {}
            for session, subscription in list(self._listeners.get(channel, {}).items()):
                self._deliver(session, channel, subscription, shared)

    # Time

    def beat(self) -> float:
        """Send the heartbeats that are due, cut off the dead; return seconds to the next call."""
        now = self._clock()
        heartbeat = self._policy.heartbeat
        while self._beats:
            session, due = next(iter(self._beats.items()))
            if due > now:
                return due - now
            if session.silent_since(now - heartbeat):
                self._expel(session, Close.NO_PONG, f"no pong for {heartbeat:g} seconds")
                continue
            self._beats[session] = now + heartbeat
            self._beats.move_to_end(session)
            if session.may_send:
                self._ping(session, now)
        return heartbeat

    def close(self, code: Close, reason: str) -> None:
        """Say goodbye to everybody and stop watching the broker."""
        self._unwatch()
        for session in list(self._beats):
            self._expel(session, code, reason)

    # Requests

    def _ask(self, session: Session, request: Subscribe) -> None:
        """Ask whether a browser may listen; what it sends before the verdict waits for it."""
        denied = session.outlet.permit(request)
        if denied is None:
            session.asked = request
        else:
            self._subscribe(session, request, denied)

    def _subscribe(self, session: Session, request: Subscribe, denied: Denied) -> None:
        channel, labels = request.channel, request.labels
        if denied:
            labels = None if labels is None else labels - denied
            if not labels:
                # A change of labels that is refused leaves the subscription as it was.
                raise ProtocolError("denied", "this app does not let you listen there", channel)
        subscription = session.subscriptions.get(channel)
        if subscription is not None:
            subscription.labels = labels  # read on from where it stands, with the new ones
            self._answer(session, channel, subscription, None, [], denied)
            return
        if len(session.subscriptions) >= protocol.MAX_CHANNELS:
            reason = f"a connection listens on at most {protocol.MAX_CHANNELS} channels"
            raise ProtocolError("too_many_channels", reason, channel)
        log = self._broker.open(channel)
        subscription = Subscription(log, labels, 0, 0)
        session.subscriptions[channel] = subscription
        # Registered before the head is read: a message from now on is in the log or announced.
        self._listeners.setdefault(channel, {})[session] = subscription
        recovered, lost = self._place(subscription, request.since)
        self._answer(session, channel, subscription, recovered, lost, denied)
        self._deliver(session, channel, subscription, {})

    def _place(
        self, subscription: Subscription, since: Position | None
    ) -> tuple[bool | None, list[Lost]]:
        """Set where a new subscription reads on; return ``recovered`` and ``lost``."""
        log = subscription.log
        recovered: bool | None = None
        lost: list[Lost] = []
        position = log.head
        if since is not None and since.epoch != log.epoch:
            position, recovered = 0, False
        elif since is not None and since.offset > log.head:
            recovered = False
        elif since is not None:
            position = since.offset
            lost = log.lost(position, subscription.labels)
            recovered = not lost
        subscription.position = subscription.told = position
        return recovered, lost

    def _answer(
        self,
        session: Session,
        channel: str,
        subscription: Subscription,
        recovered: bool | None,
        lost: list[Lost],
        denied: Denied,
    ) -> None:
        policy = self._policy
        spread = min(policy.max_spread, len(self._beats) / policy.returns_per_second)
        at = Position(subscription.log.epoch, subscription.log.head)
        session.outlet.send(
            protocol.subscribed(
                channel,
                at,
                recovered=recovered,
                lost=lost,
                denied=denied,
                spread=spread,
                heartbeat=policy.heartbeat,
            )
        )

    def _unsubscribe(self, session: Session, channel: str) -> None:
        if session.subscriptions.pop(channel, None) is None:
            return
        listeners = self._listeners[channel]
        del listeners[session]
        if not listeners:
            del self._listeners[channel]
        self._broker.close(channel)

    def _replay(self, session: Session, request: Replay) -> None:
        subscription = session.subscriptions.get(request.channel)
        if subscription is None:
            reason = "a replay is for a channel that is subscribed on this connection"
            raise ProtocolError("not_subscribed", reason, request.channel)
        if len(session.replays) >= protocol.MAX_REPLAYS:
            reason = f"at most {protocol.MAX_REPLAYS} replays may wait on a connection"
            raise ProtocolError("too_many_replays", reason, request.channel)
        log = subscription.log
        at = Position(log.epoch, log.head)
        # Not more than it may listen to, whatever it asks for.
        labels = subscription.labels
        if labels is None or (request.labels is not None and request.labels <= labels):
            labels = request.labels
        newest = log.newest(labels, request.last)
        found = deque(message for message in newest if message.offset <= at.offset)
        session.replays.append(PendingReplay(request, at, found))
        self._send_replays(session)

    # Sending

    def _serve(self, session: Session) -> None:
        """Send what waited for a pong. The channel that was served last comes last next time."""
        self._send_replays(session)
        for channel, subscription in list(session.subscriptions.items()):
            if not session.may_send:
                return
            if self._deliver(session, channel, subscription, {}):
                session.subscriptions[channel] = session.subscriptions.pop(channel)

    def _deliver(
        self, session: Session, channel: str, subscription: Subscription, shared: _Shared
    ) -> bool:
        """Send what a session has not had of a channel, as far as it may; true if it was any."""
        log = subscription.log
        delivered = False
        while session.may_send and subscription.position < log.head:
            place = (subscription.position, subscription.labels)
            if place not in shared:
                batch = log.read(*place, MAX_BATCH_BYTES)
                frame = None
                if batch.rows or batch.lost:
                    frame = protocol.messages(channel, log.epoch, batch)
                shared[place] = (batch, frame)
            batch, frame = shared[place]
            subscription.position = batch.upto
            if frame is not None:
                subscription.told = batch.upto
                self._send(session, frame)
                delivered = True
        return delivered

    def _send_replays(self, session: Session) -> None:
        while session.replays and session.may_send:
            replay = session.replays[0]
            rows = replay.next_rows()
            done = not replay.messages
            if done:
                session.replays.pop(0)
            self._send(session, protocol.replayed(replay.request, replay.at, rows, done=done))

    def _send(self, session: Session, frame: Frame) -> None:
        """Send messages, and the ping that is owed after enough of them."""
        session.outlet.send(frame)
        if session.sent(len(frame.text)):
            session.awaited = self._ping(session, self._clock())

    def _ping(self, session: Session, now: float) -> int:
        n = session.next_ping(now)
        session.outlet.send(protocol.ping(n, dict(session.untold())))
        return n

    def _expel(self, session: Session, code: Close, reason: str) -> None:
        self.disconnect(session)
        session.outlet.close(code, reason)
