"""Exchange frames over plain HTTP, for pages that can't open a websocket.

A poll is a session that lasts for one request: the page sends its subscribes and positions, and
is sent the messages it is missing. Nothing is kept between two polls, so another process may
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
from ..hub.audience import Audience
from ..hub.authorization import Outcome
from ..hub.hub import Hub
from ..hub.policy import Policy
from ..hub.session import Session
from ..log import Batch
from ..protocol import MAX_FRAME_BYTES, Close, Frame, Subscribe
from ..telemetry.traffic import Traffic
from .http import MAX_BODY_BYTES, HttpAnswer, HttpRequest, error_response
from .poll_turns import FreeTurn, Turn

MAX_ANSWER_BYTES = 1024 * 1024  # the answer ends then; a replay in it is finished first
BROKER_TIMEOUT = 2.0  # seconds that an answer may wait for logs to be refreshed
MAX_FRAMES = 512  # of the page that are taken in one poll; it sends the others with the next

AuthorizeSubscribe = Callable[[Subscribe], Outcome]
"""Call the app's ``authorize`` for a subscribe of a poll. May wait; has an ``Allowance``."""


def poll(
    request: HttpRequest,
    broker: Broker,
    policy: Policy,
    interval: float,
    authorize: AuthorizeSubscribe,
    traffic: Traffic | None = None,
    turn: Turn | None = None,
    audience: Audience | None = None,
) -> HttpAnswer:
    """Answer a poll: a list of frames in, a list of frames out.

    Args:
        request: its ``body`` is the JSON list.
        broker: keeps the logs.
        policy: the limits and times for sessions.
        interval: seconds until the page's next poll.
        authorize: called for every subscribe.
        traffic: counts what passes through.
        turn: is taken while it works, where polls take turns.
        audience: counts who listens in this process.

    Returns:
        200 with the frames; in place of a close, another status with its ``code`` and ``reason``.
    """
    turn = turn or FreeTurn()
    with turn.taken():
        return _poll(request, broker, policy, interval, authorize, traffic, turn, audience)


def _poll(
    request: HttpRequest,
    broker: Broker,
    policy: Policy,
    interval: float,
    authorize: AuthorizeSubscribe,
    traffic: Traffic | None,
    turn: Turn,
    audience: Audience | None,
) -> HttpAnswer:
    def authorize_meanwhile(_: Session, subscribe: Subscribe) -> Outcome:
        with turn.lent():
            return authorize(subscribe)

    frames = _frames(request.body)
    if isinstance(frames, HttpAnswer):
        return frames
    # The page expects something within a heartbeat: a poll that is late must not look like silence.
    heartbeat = max(policy.heartbeat_interval, 5 * interval)
    policy = replace(policy, heartbeat_interval=heartbeat)
    collected = Collected()
    appended = threading.Event()
    hub = Hub(broker, policy, appended.set, _never, traffic, audience=audience)
    session = hub.connect(collected, authorize_meanwhile)
    assert session is not None, "a hub has room for one"
    _converse(hub, session, collected, frames, appended, turn)
    if collected.closed is not None:
        return error_response(HTTPStatus.BAD_REQUEST, *collected.closed)
    return HttpAnswer(HTTPStatus.OK, f"[{','.join(frame.text for frame in collected.frames)}]")


class Collected:
    """Collect the frames of an answer; a ``Transport``."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.size = 0
        self.closed: tuple[Close, str] | None = None

    def send(self, frame: Frame) -> None:
        """Add a frame to the answer; see ``Transport``."""
        self.frames.append(frame)
        self.size += len(frame.text)

    def close(self, code: Close, reason: str) -> None:
        """Note the close that the answer states; see ``Transport``."""
        self.closed = (code, reason)


def _frames(body: bytes) -> list[str] | HttpAnswer:
    """Return the frames of a body as a websocket would bring them, or what to answer instead.

    They are one more than are taken, at most: a body may have half a million.
    """
    if len(body) > MAX_BODY_BYTES:
        reason = f"a poll has at most {MAX_BODY_BYTES} bytes"
        return error_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Close.TOO_LARGE, reason)
    try:
        frames: Any = json.loads(body)
        is_list = isinstance(frames, list)
        taken = frames[: MAX_FRAMES + 1] if is_list else []
        texts = [json.dumps(frame, ensure_ascii=False) for frame in taken]
    except (ValueError, RecursionError):
        is_list = False
    if not is_list:
        reason = "a poll is a JSON list of frames"
        return error_response(HTTPStatus.BAD_REQUEST, Close.BAD_FRAMES, reason)
    if any(len(text.encode(errors="surrogatepass")) > MAX_FRAME_BYTES for text in texts):
        reason = f"a frame has at most {MAX_FRAME_BYTES} bytes"
        return error_response(HTTPStatus.BAD_REQUEST, Close.TOO_LARGE, reason)
    return texts


def _converse(
    hub: Hub,
    session: Session,
    collected: Collected,
    frames: list[str],
    appended: threading.Event,
    turn: Turn,
) -> None:
    """Feed the frames to a hub of their own. ``appended`` is set when a log has grown."""
    try:
        for number, text in enumerate(frames):
            if number == MAX_FRAMES or collected.size >= MAX_ANSWER_BYTES:
                collected.send(protocol.ping(0))
                break
            hub.receive(session, text)
            _flow(hub, session, collected)
            turn.share()
        deadline = time.monotonic() + BROKER_TIMEOUT
        # The page repeats in its next poll what is not answered by then.
        while session.parked and _wait(appended, deadline, turn):
            appended.clear()
            hub.flush()
            _flow(hub, session, collected)
        for channel, upto in session.take_unannounced():
            epoch = session.subscriptions[channel].position.epoch
            collected.send(protocol.messages(channel, Batch([], upto, [], epoch)))
    finally:
        hub.disconnect(session)
        hub.close(Close.GOING_AWAY, "the poll was answered")


def _wait(appended: threading.Event, deadline: float, turn: Turn) -> bool:
    with turn.lent():
        return appended.wait(deadline - time.monotonic())


def _flow(hub: Hub, session: Session, collected: Collected) -> None:
    """Answer the pings that hold messages back, while there is room in the answer.

    A replay is finished at any size, since the next poll would not know where to go on. The log
    bounds it.
    """
    while session.awaited_pong is not None:
        if collected.size >= MAX_ANSWER_BYTES and not session.replays:
            return
        hub.handle(session, f'{{"type":"pong","n":{session.awaited_pong}}}')


def _never() -> float:
    """Return the time of a clock that stands still: a poll has no heartbeats."""
    return 0.0
