"""Translate the frames of django-plotly-dash's Pipe to those of version 1 and back. Pure.

Its page sends ``{"type": "connection_triplet", "uid", "label", "channel_name"}`` every 10 seconds
for each Pipe, and takes ``{"type": "pipe.value", "label", "value"}``. The contract is
docs/protocol.md.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from ..protocol import MAX_LABELS, Close, Frame, is_name
from .session import Transport

MAX_UIDS = 512  # Pipes of one connection; the one that was silent for longest is forgotten first
MAX_UNSEEN = 1024 * 1024  # characters of messages that are sent between two triplets
SILENCE = 150.0  # seconds: a page sends triplets every 10; hidden, every 60, and may miss one


def is_triplet(text: str) -> bool:
    """Return whether a frame comes from a Pipe of django-plotly-dash."""
    return '"connection_triplet"' in text and _fields(text).get("type") == "connection_triplet"


class DpdTransport:
    """Translate between the hub and a page of django-plotly-dash; a ``Transport``.

    The first triplet shows that it is such a page. Until then frames pass unchanged, since it may
    be a client of version 1.

    Such a page can't resume and replays nothing, so it is sent messages from its first triplet
    on. It answers no pings, so they are answered for it: while its triplets come, and for at most
    ``MAX_UNSEEN`` characters between two of them.

    Args:
        transport: carries frames to the browser.
        answer: has the hub take a frame from the browser, later; see ``Hub.receive_soon``.
        clock: seconds that only go forward.
    """

    def __init__(
        self, transport: Transport, answer: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._transport = transport
        self._answer = answer
        self._clock = clock
        self._is_page = False
        self._pipes: OrderedDict[str, tuple[str, str | None]] = OrderedDict()
        self._triplet_at = 0.0  # when the last triplet came
        self._unseen = 0  # characters of messages that were sent since
        self._owed: int | None = None  # the ping that was not answered

    def frames(self, text: str) -> Iterator[str]:
        """Translate a frame of the browser: yield the frames of version 1 that it stands for."""
        if not is_triplet(text):
            yield text
            return
        self._is_page = True
        self._triplet_at, self._unseen = self._clock(), 0
        owed, self._owed = self._owed, None
        if owed is not None:
            yield _pong(owed)
        yield from self._subscriptions(_fields(text))

    def send(self, frame: Frame) -> None:
        """Send a frame, or its messages one by one; see ``Transport``."""
        if not self._is_page:
            self._transport.send(frame)
            if '"ping"' in frame.text and (fields := _fields(frame.text))["type"] == "ping":
                self._owed = fields["n"]  # if it is such a page, its first triplet is the answer
            return
        fields = _fields(frame.text)
        match fields["type"]:
            case "messages":
                self._unseen += len(frame.text)
                for _, label, value, _ in fields["messages"]:
                    self._send_value(fields["channel"], label, value)
            case "ping":
                if self._unseen < MAX_UNSEEN and self._clock() < self._triplet_at + SILENCE:
                    self._answer(_pong(fields["n"]))
                else:
                    self._owed = fields["n"]

    def close(self, code: Close, reason: str) -> None:
        """Close the connection; see ``Transport``."""
        self._transport.close(code, reason)

    def _subscriptions(self, fields: dict[str, Any]) -> Iterator[str]:
        """Yield the frames that bring the subscriptions up to date with a triplet.

        An invalid one is ignored: it shows that the page is alive, and no more.
        """
        channel, label = fields.get("channel_name"), fields.get("label") or None
        if not is_name(channel) or not (label is None or is_name(label)):
            return
        uid = str(fields.get("uid"))
        before, wanted = self._pipes.pop(uid, None), (str(channel), label)
        self._pipes[uid] = wanted
        gone = [] if before is None else [before]
        if len(self._pipes) > MAX_UIDS:
            gone.append(self._pipes.popitem(last=False)[1])
        if wanted != before:
            yield from (self._subscription(changed) for changed, _ in {wanted, *gone})

    def _send_value(self, channel: str, label: str, value: Any) -> None:
        if not {(channel, label), (channel, None)}.isdisjoint(self._pipes.values()):
            event = {"type": "pipe.value", "label": label, "value": value, "channel_name": channel}
            self._transport.send(Frame(json.dumps(event, separators=(",", ":"))))

    def _subscription(self, channel: str) -> str:
        """Return the frame that subscribes a channel to the labels that its Pipes want now."""
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
