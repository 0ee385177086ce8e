"""The hub: who listens here, and the fan-out. No sockets, no tasks.

A hub belongs to one loop: every method but ``grown`` is called there. It reads logs for the
sessions that a host brings, and writes frames to their outlets.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from . import protocol
from .brokers import Broker
from .errors import ProtocolError
from .log import Batch, Labels, Lost, Position
from .protocol import MAX_BATCH_BYTES, Close, Denied, Frame, Pong, Replay, Subscribe, Unsubscribe
from .session import Outlet, PendingReplay, Request, Session, Subscription

# What was read for one place, so that all who stand there share it.
_Place = tuple[Position, Labels]
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
                case Pong(n):
                    if session.answered(n):
                        self._serve(session)
                case request:
                    self._take(session, request)
        except ProtocolError as problem:
            self._refuse(session, problem)

    def decided(self, session: Session, denied: Denied) -> None:
        """Take the verdict that ``Outlet.permit`` left open, then what came while it was."""
        request, session.asked = session.asked, None
        if request is None or session not in self._beats:
            return
        try:
            self._grant(session, request, denied)
        except ProtocolError as problem:
            self._refuse(session, problem)
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
                if subscription.parked:
                    self._unpark(session, subscription)
                else:
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
            self._grant(session, request, denied)

    def _grant(self, session: Session, request: Subscribe, denied: Denied) -> None:
        """Go on with what of a subscribe is not refused."""
        if denied:
            labels = None if request.labels is None else request.labels - denied
            if not labels:
                # A change of labels that is refused leaves the subscription as it was.
                reason = "this app does not let you listen there"
                raise ProtocolError("denied", reason, request.channel)
            request = replace(request, labels=labels, denied=denied)
        self._take(session, request)

    def _take(self, session: Session, request: Request) -> None:
        """Do what is asked, or park it until its channel's log has been looked at."""
        try:
            subscription = session.subscriptions.get(request.channel)
            if subscription is None and isinstance(request, Subscribe):
                subscription = self._open(session, request)
            if subscription is None or not (subscription.due or subscription.parked):
                self._do(session, request)
            elif session.parked == protocol.MAX_PARKED:
                self._expel(session, Close.TRY_LATER, f"{session.parked} requests wait already")
            else:
                session.parked += 1
                subscription.parked.append(request)
                self._unpark(session, subscription)
        except ProtocolError as problem:
            self._refuse(session, problem)

    def _unpark(self, session: Session, subscription: Subscription) -> None:
        """Do what waited for the log, if it has been looked at by now."""
        if subscription.log.refreshed < subscription.due:
            return
        subscription.due = 0
        requests, subscription.parked = subscription.parked, []
        session.parked -= len(requests)
        for request in requests:
            self._take(session, request)

    def _do(self, session: Session, request: Request) -> None:
        match request:
            case Subscribe():
                self._subscribe(session, request)
            case Unsubscribe(channel):
                self._unsubscribe(session, channel)
            case Replay():
                self._replay(session, request)

    def _refuse(self, session: Session, problem: ProtocolError) -> None:
        session.outlet.send(protocol.error(problem))
        if problem.code == "bad_frame":
            session.bad_frames += 1
            if session.bad_frames == protocol.MAX_BAD_FRAMES:
                self._expel(session, Close.BAD_FRAMES, "too many bad frames")

    def _open(self, session: Session, request: Subscribe) -> Subscription:
        """Begin to listen on a channel; the subscription gets its place later."""
        channel, since = request.channel, request.since
        if len(session.subscriptions) >= protocol.MAX_CHANNELS:
            reason = f"a connection listens on at most {protocol.MAX_CHANNELS} channels"
            raise ProtocolError("too_many_channels", reason, channel)
        log = self._broker.open(channel)
        subscription = session.subscriptions[channel] = Subscription(log)
        # Registered before the log is looked at: a message from now on is in it or announced.
        self._listeners.setdefault(channel, {})[session] = subscription
        end = log.end
        if not end.epoch or (since and (since.epoch != end.epoch or since.offset > end.offset)):
            # A mirror that lags behind must not judge a place that it has not heard of.
            subscription.due = self._broker.refresh(channel)
        return subscription

    def _subscribe(self, session: Session, request: Subscribe) -> None:
        channel = request.channel
        subscription = session.subscriptions[channel]
        subscription.labels = request.labels
        if subscription.placed:  # read on from where it stands, with the new labels
            self._answer(session, request, subscription.log.end, None, [])
            return
        at, recovered, lost = self._place(subscription, request.since)
        self._answer(session, request, at, recovered, lost)
        self._deliver(session, channel, subscription, {})

    def _place(
        self, subscription: Subscription, since: Position | None
    ) -> tuple[Position, bool | None, list[Lost]]:
        """Set where a new subscription reads on; return the head, ``recovered`` and ``lost``."""
        log = subscription.log
        end = place = log.end
        recovered: bool | None = None
        lost: list[Lost] = []
        if not log.has_history and since is not None and since.epoch != end.epoch:
            pass  # nobody can say what came before
        elif since is not None and since.epoch != end.epoch:
            place, recovered = Position(end.epoch, 0), False
        elif since is not None and since.offset > end.offset:
            recovered = False
        elif since is not None:
            place = since
            lost = log.lost(since.offset, subscription.labels)
            recovered = not lost if log.has_history else None
        subscription.at, subscription.told = place, place.offset
        return end, recovered, lost

    def _answer(
        self,
        session: Session,
        request: Subscribe,
        at: Position,
        recovered: bool | None,
        lost: list[Lost],
    ) -> None:
        policy = self._policy
        spread = min(policy.max_spread, len(self._beats) / policy.returns_per_second)
        session.outlet.send(
            protocol.subscribed(
                request.channel,
                at,
                recovered=recovered,
                lost=lost,
                denied=request.denied,
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
        # Not more than it may listen to, whatever it asks for.
        labels = subscription.labels
        if labels is not None:
            labels = labels if request.labels is None else labels & request.labels
            request = replace(request, labels=labels)
        replay = PendingReplay(request, subscription.log)
        replay.find()
        session.replays.append(replay)
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
        while subscription.placed and session.may_send and subscription.at != log.end:
            at, labels = place = (subscription.at, subscription.labels)
            if place not in shared:
                batch = log.read(at.offset, labels, MAX_BATCH_BYTES, at.epoch)
                frame = None
                if batch.rows or batch.lost or batch.epoch != at.epoch:
                    frame = protocol.messages(channel, batch)
                shared[place] = (batch, frame)
            batch, frame = shared[place]
            subscription.at = Position(batch.epoch, batch.upto)
            if frame is not None:
                subscription.told = batch.upto
                self._send(session, frame)
                delivered = True
        return delivered

    def _send_replays(self, session: Session) -> None:
        while session.replays and session.may_send:
            replay = session.replays[0]
            if replay.at.epoch != replay.log.epoch:  # it began anew since
                replay.find()
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
