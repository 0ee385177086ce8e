"""The frames of the former Pipe, that of django-plotly-dash, beside those of version 1. Pure.

It says ``{"type": "connection_triplet", "uid", "label", "channel_name"}`` every 10 seconds for each
Pipe, and hears ``{"type": "pipe.value", "label", "value"}``. The contract is docs/protocol.md.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ..brokers import Broker
from ..protocol import MAX_LABELS, Close, Frame, is_name
from .hub import Hub
from .policy import Policy
from .session import Session, Transport

MAX_UIDS = 512  # Pipes of one connection; the one that has been silent for longest goes first
MAX_UNSEEN = 1024 * 1024  # characters of messages that are sent between two triplets
SILENCE = 150.0  # seconds: a page sends triplets every 10; hidden, every 60, and may miss one


class DpdHub(Hub):
    """A hub for the browsers of websockets, which may be pages of former Pipes; see ``Hub``."""

    def __init__(
        self,
        broker: Broker,
        policy: Policy,
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        super().__init__(broker, policy, wake, clock)
        self._answers: list[tuple[Session, str]] = []

    def receive(self, session: Session, text: str) -> None:
        """Take a frame from a browser, in today's form or the former."""
        if not is_triplet(text):
            super().receive(session, text)
            return
        if not isinstance(session.transport, DpdTransport):
            answer = partial(self._answer, session)
            session.transport = DpdTransport(session.transport, answer, self._clock)
        for frame in session.transport.hears(text):
            super().receive(session, frame)

    def flush(self) -> None:
        """Take the answers of former pages, then bring out what has grown."""
        answers, self._answers = self._answers, []
        for session, text in answers:
            super().receive(session, text)
        super().flush()

    def _answer(self, session: Session, text: str) -> None:
        """Take an answer soon: a hub is not talked to while it sends."""
        self._answers.append((session, text))
        self._wake()


def is_triplet(text: str) -> bool:
    """Whether a frame is one of a former Pipe."""
    return '"connection_triplet"' in text and _fields(text).get("type") == "connection_triplet"


class DpdTransport:
    """The way out to a page of former Pipes; an ``Transport``. It listens on their behalf.

    Such a page can't resume, and asks for no past; so it gets what comes from its first triplet
    on. It answers no pings, so they are answered for it: as long as its triplets show that it
    lives, and for as much as may be lost when it does not.

    Args:
        transport: the way out to the same browser.
        answer: has the hub hear a frame from this browser, later.
        clock: seconds that only go forward.
    """

    def __init__(
        self, transport: Transport, answer: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._transport = transport
        self._answer = answer
        self._clock = clock
        self._pipes: OrderedDict[str, tuple[str, str | None]] = OrderedDict()
        self._heard = 0.0  # when the last triplet came
        self._unseen = 0  # characters of messages that were sent since
        self._owed: int | None = None  # the ping that was not answered

    def hears(self, text: str) -> Iterator[str]:
        """Take a triplet; the frames that it amounts to, for the hub.

        One that makes no sense is passed over, as it always was: it shows that the page lives.
        """
        self._heard, self._unseen = self._clock(), 0
        owed, self._owed = self._owed, None
        if owed is not None:
            yield _pong(owed)
        fields = _fields(text)
        channel, label = fields.get("channel_name"), fields.get("label") or None
        if not is_name(channel) or not (label is None or is_name(label)):
            return
        uid = str(fields.get("uid"))
        former, place = self._pipes.pop(uid, None), (str(channel), label)
        self._pipes[uid] = place
        gone = [] if former is None else [former]
        if len(self._pipes) > MAX_UIDS:
            gone.append(self._pipes.popitem(last=False)[1])
        if place != former:
            yield from (self._subscription(changed) for changed, _ in {place, *gone})

    def send(self, frame: Frame) -> None:
        """Send the messages in a frame, one by one; see ``Transport``."""
        fields = _fields(frame.text)
        match fields["type"]:
            case "messages":
                self._unseen += len(frame.text)
                for _, label, value, _ in fields["messages"]:
                    self._send_value(fields["channel"], label, value)
            case "ping":
                if self._unseen < MAX_UNSEEN and self._clock() < self._heard + SILENCE:
                    self._answer(_pong(fields["n"]))
                else:
                    self._owed = fields["n"]

    def close(self, code: Close, reason: str) -> None:
        """Close the connection; see ``Transport``."""
        self._transport.close(code, reason)

    def _send_value(self, channel: str, label: str, value: Any) -> None:
        if not {(channel, label), (channel, None)}.isdisjoint(self._pipes.values()):
            event = {"type": "pipe.value", "label": label, "value": value, "channel_name": channel}
            self._transport.send(Frame(json.dumps(event, separators=(",", ":"))))

    def _subscription(self, channel: str) -> str:
        """The frame that listens on a channel for what is wanted there now."""
        labels = {label for name, label in self._pipes.values() if name == channel}
        frame: dict[str, Any] = {"type": "subscribe", "channel": channel}
        if not labels:
            frame["type"] = "unsubscribe"
        elif None in labels or len(labels) > MAX_LABELS:
            frame["labels"] = None
        else:
            frame["labels"] = sorted(filter(None, labels))
        return json.dumps(frame)


def _pong(n: int) -> str:
    return json.dumps({"type": "pong", "n": n})


def _fields(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
