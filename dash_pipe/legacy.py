"""The frames of the former Pipe, that of django-plotly-dash, beside those of version 1. Pure.

It says ``{"type": "connection_triplet", "uid", "label", "channel_name"}`` every 10 seconds for each
Pipe, and hears ``{"type": "pipe.value", "label", "value"}``. The contract is docs/protocol.md.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .protocol import MAX_LABELS, Close, Denied, Frame, Subscribe, is_name
from .session import Outlet

MAX_UIDS = 512  # Pipes of one connection; the one that has been silent for longest goes first
MAX_PINGS = 16  # of flow control, 64 KiB each, that are answered for a page between two triplets


def is_triplet(text: str) -> bool:
    """Whether a frame is one of a former Pipe."""
    return '"connection_triplet"' in text and _fields(text).get("type") == "connection_triplet"


class FormerOutlet:
    """The way out to a page of former Pipes; an ``Outlet``. It listens on their behalf.

    Such a page can't resume, and asks for no past; so it gets what comes from its first triplet
    on. It answers no pings: its triplets show that it lives, and that it has taken what was sent.

    Args:
        outlet: the way out to the same browser.
        say: has the hub hear a frame from this browser, later.
    """

    def __init__(self, outlet: Outlet, say: Callable[[str], object]) -> None:
        self._outlet = outlet
        self._say = say
        self._pipes: OrderedDict[str, tuple[str, str | None]] = OrderedDict()
        self._owed = 0  # the last ping, and how many were answered since the last triplet
        self._answered = 0

    def hears(self, text: str) -> None:
        """Take a triplet; one that makes no sense is passed over, as it always was."""
        self._answered = 0
        self._pong()
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
        for changed in {place, *gone} if place != former else ():
            self._subscribe(changed[0])

    def send(self, frame: Frame) -> None:
        """Send the messages in a frame, one by one; see ``Outlet``."""
        fields = _fields(frame.text)
        match fields["type"]:
            case "messages":
                for _, label, value, _ in fields["messages"]:
                    self._send_value(fields["channel"], label, value)
            case "ping":
                self._owed = fields["n"]
                if self._answered < MAX_PINGS:
                    self._pong()

    def close(self, code: Close, reason: str) -> None:
        """Close the connection; see ``Outlet``."""
        self._outlet.close(code, reason)

    def permit(self, request: Subscribe) -> Denied | None:
        """Ask the app; see ``Outlet``."""
        return self._outlet.permit(request)

    def _send_value(self, channel: str, label: str, value: Any) -> None:
        if not {(channel, label), (channel, None)}.isdisjoint(self._pipes.values()):
            event = {"type": "pipe.value", "label": label, "value": value, "channel_name": channel}
            self._outlet.send(Frame(json.dumps(event, separators=(",", ":"))))

    def _subscribe(self, channel: str) -> None:
        """Listen on a channel for what is wanted there now."""
        labels = {label for name, label in self._pipes.values() if name == channel}
        frame: dict[str, Any] = {"type": "subscribe", "channel": channel}
        if not labels:
            frame["type"] = "unsubscribe"
        elif None in labels or len(labels) > MAX_LABELS:
            frame["labels"] = None
        else:
            frame["labels"] = sorted(filter(None, labels))
        self._say(json.dumps(frame))

    def _pong(self) -> None:
        if self._owed:
            self._say(json.dumps({"type": "pong", "n": self._owed}))
            self._owed = 0
            self._answered += 1


def _fields(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
