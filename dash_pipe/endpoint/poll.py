"""The same conversation over plain HTTP, for where websockets can't be had.

A poll is a connection that lasts for one request: the browser says where it listens and since when,
gets what there is, and is forgotten. So nothing is kept between two polls, and another process may
answer the next. The contract is docs/protocol.md.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from .. import protocol
from ..brokers import Broker
from ..errors import ProtocolError
from ..hub.authorization import Outcome
from ..hub.hub import Hub
from ..hub.policy import Policy
from ..hub.session import Session
from ..log import Batch, Labels
from ..protocol import MAX_CHANNELS, MAX_FRAME_BYTES, Close, Frame, Subscribe
from .http import MAX_BODY_BYTES, HttpAnswer, HttpRequest, error_response

MAX_ANSWER_BYTES = 1024 * 1024  # then it ends; the last replay in it is finished first
BROKER_TIMEOUT = 2.0  # seconds that an answer may wait for a broker that has to look elsewhere
MAX_FRAMES = 512  # of a browser, in one poll: those above it wait for the next
MAX_QUESTIONS = MAX_CHANNELS  # to the app: a page has one subscribe for each of its channels

AuthorizeSubscribe = Callable[[Subscribe], Outcome]
"""Says which labels of a subscribe the app denies. May wait."""


def poll(
    request: HttpRequest,
    broker: Broker,
    policy: Policy,
    interval: float,
    authorize: AuthorizeSubscribe,
) -> HttpAnswer:
    """Answer a poll: a list of frames in, a list of frames out.

    Args:
        request: whose ``body`` is the JSON list.
        broker: who keeps the logs.
        policy: what connections are held to.
        interval: seconds after which the browser asks again.
        authorize: asked for every subscribe.

    Returns:
        200 with the frames; in place of a close, another status with its ``code`` and ``reason``.
    """
    if len(request.body) > MAX_BODY_BYTES:
        reason = f"a poll has at most {MAX_BODY_BYTES} bytes"
        return error_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Close.TOO_LARGE, reason)
    frames = _texts(request.body)
    if frames is None:
        return error_response(
            HTTPStatus.BAD_REQUEST, Close.BAD_FRAMES, "a poll is a JSON list of frames"
        )
    if any(len(frame.encode(errors="surrogatepass")) > MAX_FRAME_BYTES for frame in frames):
        reason = f"a frame has at most {MAX_FRAME_BYTES} bytes"
        return error_response(HTTPStatus.BAD_REQUEST, Close.TOO_LARGE, reason)
    # What the browser is told to hear something within: a late poll is no dead connection.
    policy = replace(policy, heartbeat_interval=max(policy.heartbeat_interval, 5 * interval))
    collected = Collected()
    appended = threading.Event()
    hub = Hub(broker, policy, appended.set, _never)
    session = hub.connect(collected, PollAuthorize(authorize))
    assert session is not None, "a hub has room for one"
    _converse(hub, session, collected, frames, appended)
    if collected.closed is not None:
        return error_response(HTTPStatus.BAD_REQUEST, *collected.closed)
    return HttpAnswer(HTTPStatus.OK, f"[{','.join(frame.text for frame in collected.frames)}]")


class Collected:
    """The way out to a browser that waits for its answer; an ``Transport``."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.size = 0
        self.closed: tuple[Close, str] | None = None

    def send(self, frame: Frame) -> None:
        """Keep a frame for the answer; see ``Transport``."""
        self.frames.append(frame)
        self.size += len(frame.text)

    def close(self, code: Close, reason: str) -> None:
        """Note how the conversation ended; see ``Transport``."""
        self.closed = (code, reason)


class PollAuthorize:
    """Ask the app about the subscribes of one poll, the same once; an ``Authorize`` for the hub."""

    def __init__(self, authorize: AuthorizeSubscribe) -> None:
        self._authorize = authorize
        self._outcomes: dict[tuple[str, Labels, str | None], Outcome] = {}

    def __call__(self, _session: Session, subscribe: Subscribe) -> Outcome:
        """Wait for the app's answer, if it has not been asked this before.

        Raises:
            ProtocolError: this poll has asked enough: each answer may take its time.
        """
        question = (subscribe.channel, subscribe.labels, subscribe.token)
        if question not in self._outcomes:
            if len(self._outcomes) == MAX_QUESTIONS:
                reason = f"a poll asks for at most {MAX_QUESTIONS} permissions"
                raise ProtocolError("too_many_channels", reason, subscribe.channel)
            self._outcomes[question] = self._authorize(subscribe)
        return self._outcomes[question]


def _texts(body: bytes) -> list[str] | None:
    """The frames in a body, each as a websocket would bring it; ``None`` when it is no list."""
    try:
        frames: Any = json.loads(body)
        if isinstance(frames, list):
            return [json.dumps(frame, ensure_ascii=False) for frame in frames]
    except (ValueError, RecursionError):
        pass
    return None


def _converse(
    hub: Hub,
    session: Session,
    collected: Collected,
    frames: list[str],
    appended: threading.Event,
) -> None:
    """Feed a browser's frames to a hub of their own, which sets ``appended`` when a log grows."""
    try:
        for number, text in enumerate(frames):
            if number == MAX_FRAMES or collected.size >= MAX_ANSWER_BYTES:
                collected.send(protocol.ping(0))
                break
            hub.receive(session, text)
            _flow(hub, session, collected)
        deadline = time.monotonic() + BROKER_TIMEOUT
        # What is not answered by then is asked again in the next poll.
        while session.parked and appended.wait(deadline - time.monotonic()):
            appended.clear()
            hub.flush()
            _flow(hub, session, collected)
        for channel, upto in session.take_unannounced():
            epoch = session.subscriptions[channel].position.epoch
            collected.send(protocol.messages(channel, Batch([], upto, [], epoch)))
    finally:
        hub.disconnect(session)
        hub.close(Close.GOING_AWAY, "the poll is answered")


def _flow(hub: Hub, session: Session, collected: Collected) -> None:
    """Answer for the browser the pings that hold messages back, while there is room.

    A replay is finished at any size, as nobody would remember how far it came. The log bounds it.
    """
    while session.awaited_pong is not None:
        if collected.size >= MAX_ANSWER_BYTES and not session.replays:
            return
        hub.receive(session, f'{{"type":"pong","n":{session.awaited_pong}}}')


def _never() -> float:
    """Nothing in a poll takes time: it has no heartbeats."""
    return 0.0
