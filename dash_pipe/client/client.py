"""Decide for a client when a connection is dead, when to retry and how to answer. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import EndpointUnavailableError, ListenDeniedError, ProtocolError
from ..protocol import SUBPROTOCOL, Pong
from .frames import Error, Ping, Row, ServerFrame, Subscribed, decode, encode
from .subscription import Delivery, Gap, Subscription

# Seconds, as in src/socket.ts and src/pipe_subscription.ts.
ANSWER_TIMEOUT = 15.0  # until the first frame of a connection; authorize may take 10
REPLAY_TIMEOUT = 5.0
HINT_DELAY = 5.0  # until a listener without a message asks for a hint
MIN_DELAY = 0.3
MAX_DELAY = 15.0
SILENT_HEARTBEATS = 1.6  # a connection is dead after a silence of this many heartbeats
# All clients see these close codes at once, as in a restart: they spread their return.
SHARED_CODES = (1001, 1006, 1012)
_DENIED_CODES = range(4401, 4408)
_CREDENTIALS = "send a token, or headers (such as a Cookie), of somebody who may listen"
_ADVICE = {
    4403: "check the settings allowed_origins and allowed_hosts of the server",
    4406: f"this client speaks {SUBPROTOCOL}; install a dash-pipe that speaks the server's version",
}


@dataclass
class Update:
    """The result of an event: rows in order, gaps before them, frames to send, notes to show.

    Attributes:
        epochs: the epoch of each row.
        opened: whether the server has just accepted the subscription on a new connection.
    """

    rows: list[Row] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    epochs: list[str] = field(default_factory=list, compare=False)
    opened: bool = False


class Client:
    """Keep a subscription alive over any number of connections, one at a time.

    It opens no socket and reads no clock: its methods take events and clock readings (``now``, in
    seconds), and return what the caller has to do. So a thread or an asyncio loop can drive it.

    Args:
        subscription: the channel and labels.
        uniform: returns a random number between two.
        hints: ask why no message comes, once for each connection.

    Attributes:
        accepted: whether the server has ever accepted the subscription.
    """

    def __init__(
        self,
        subscription: Subscription,
        uniform: Callable[[float, float], float] = random.uniform,
        *,
        hints: bool = False,
    ) -> None:
        self.subscription = subscription
        self.accepted = False
        self._uniform = uniform
        self._hints = hints
        self._hint_at: float | None = None
        self._attempt = 1  # failed attempts in a row; only an accepted subscription sets it to 0
        self._spread = 0.0
        self._heartbeat = 25.0
        self._dead_at = 0.0
        self._end_replay_at: float | None = None

    def opened(self, now: float) -> list[str]:
        """Start on a new connection; return the frames to send."""
        self._dead_at = now + ANSWER_TIMEOUT
        self._hint_at = None
        self._end_replay_at = now + REPLAY_TIMEOUT if self.subscription.replaying else None
        return [encode(frame) for frame in self.subscription.open()]

    def timeout(self, now: float) -> float:
        """Return how many seconds to wait for a frame before calling ``waited``."""
        due = (self._dead_at, self._end_replay_at, self._hint_at)
        return max(0.0, min(each for each in due if each is not None) - now)

    def waited(self, now: float) -> Update:
        """Note that no frame has come for ``timeout`` seconds.

        Raises:
            EndpointUnavailableError: the connection is dead.
        """
        if now >= self._dead_at:
            raise EndpointUnavailableError("timed out: the server did not answer")
        if self._hint_at is not None and now >= self._hint_at:
            self._hint_at = None
            return Update(frames=[encode(self.subscription.ask_hint())])
        if self._end_replay_at is None or now < self._end_replay_at:
            return Update()
        return self._end_replay("timed out waiting for the past messages")

    def received(self, text: str | bytes, now: float) -> Update:
        """Take a frame from the server. A malformed one is noted and skipped.

        Raises:
            ListenDeniedError: the server denied the subscription.
        """
        self._dead_at = now + SILENT_HEARTBEATS * self._heartbeat
        try:
            frame = decode(text)
        except ProtocolError as error:
            return Update(notes=[str(error)])
        return self._take(frame, now) if frame is not None else Update()

    def closed(self, error: EndpointUnavailableError) -> float:
        """End the connection, or a failed attempt to open one; return the seconds until the next.

        Raises:
            ListenDeniedError: the server denied the subscription.
        """
        if error.code in _DENIED_CODES:
            raise ListenDeniedError(f"{error}; {_ADVICE.get(error.code, _CREDENTIALS)}") from error
        range_ = min(MAX_DELAY, MIN_DELAY * 2 ** min(self._attempt or 1, 10)) - MIN_DELAY
        if not self._attempt and error.code in SHARED_CODES:
            range_ = self._spread
        self._attempt += 1
        return MIN_DELAY + self._uniform(0, range_)

    def _take(self, frame: ServerFrame, now: float) -> Update:
        update = Update()
        match frame:
            case Ping(n):
                update.frames.append(encode(Pong(n)))
            case Error():
                return self._rejected(frame)
            case _ if frame.channel != self.subscription.channel:
                return update
            case Subscribed():
                self._accepted(frame, now, update)
        delivery = self.subscription.take(frame)
        if delivery.rows:
            self._hint_at = None
        if not self.subscription.replaying:
            self._end_replay_at = None
        return _deliver(delivery, update)

    def _accepted(self, frame: Subscribed, now: float, update: Update) -> None:
        self.accepted = True
        if frame.hint is not None:  # the answer to ask_hint
            update.notes += [frame.hint] if frame.hint else []
            return
        if frame.denied:
            update.notes.append(f"denied for the labels {', '.join(frame.denied)}")
        if frame.ended:
            return
        update.opened = True
        self._hint_at = now + HINT_DELAY if self._hints else None
        self._attempt = 0
        self._spread, self._heartbeat = frame.spread, frame.heartbeat or self._heartbeat
        self._dead_at = now + SILENT_HEARTBEATS * self._heartbeat

    def _rejected(self, error: Error) -> Update:
        reason = f"{error.code}: {error.reason}"
        if error.final and error.channel in (None, self.subscription.channel):
            advice = f"; {_CREDENTIALS}" if error.code == "denied" else ""
            raise ListenDeniedError(f"the server denied the subscription: {reason}{advice}")
        if error.code == "too_many_replays":
            return self._end_replay(reason)
        return Update(notes=[reason])

    def _end_replay(self, reason: str) -> Update:
        self._end_replay_at = None
        return _deliver(self.subscription.end_replay(), Update(notes=[f"not replayed: {reason}"]))


def _deliver(delivery: Delivery, update: Update) -> Update:
    update.rows += delivery.rows
    update.epochs += delivery.epochs
    update.gaps += delivery.gaps
    return update
