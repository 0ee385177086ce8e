"""Translate the frames of django-plotly-dash's Pipe to those of version 1 and back. Pure.

Its page sends ``{"type": "connection_triplet", "uid", "label", "channel_name"}`` every 10 seconds
for each Pipe, and takes ``{"type": "pipe.value", "label", "value"}``. The contract is
docs/protocol.md.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from ..protocol import (
    MAX_BATCH_BYTES,
    MAX_LABELS,
    Close,
    Frame,
    MessagesFrame,
    PingFrame,
    is_name,
)
from .session import Transport

MAX_UIDS = 512  # Pipes of one connection; the one that was silent for longest is forgotten first
FIRST_UNSEEN = MAX_BATCH_BYTES  # characters of messages that are sent between the first triplets
MAX_UNSEEN = 1024 * 1024  # and at most, between two triplets of a page that has used its share up
MAX_SHARED = 4 * MAX_BATCH_BYTES  # characters of rows whose frames a hub keeps
SILENCE = 150.0  # seconds: a page sends triplets every 10; hidden, every 60, and may miss one

_DECODER = json.JSONDecoder()


def is_triplet(text: str) -> bool:
    """Return whether a frame comes from a Pipe of django-plotly-dash."""
    return _triplet(text) is not None


class DpdValues:
    """Encode each message once for all pages of django-plotly-dash of a hub."""

    def __init__(self) -> None:
        self._frames: dict[tuple[str, str], tuple[str, Frame]] = {}
        self._size = 0

    def frame(self, channel: str, row: str) -> tuple[str, Frame]:
        """Return the label of a row, and its frame. Every page takes the newest ones."""
        key = (channel, row)
        found = self._frames.get(key)
        if found is None:
            found = value_frame(channel, row)
            self._size += len(row)
            if self._size > MAX_SHARED:
                self._frames.clear()
                self._size = len(row)
            self._frames[key] = found
        return found


def value_frame(channel: str, row: str) -> tuple[str, Frame]:
    """Return the label of a row, and its frame. The value is not decoded: it may be deep."""
    start = row.index(",") + 1
    label, end = _DECODER.raw_decode(row, start)
    value = row[end + 1 : row.rindex(",")]
    return label, Frame(
        f'{{"type":"pipe.value","label":{row[start:end]},"value":{value},'
        f'"channel_name":{json.dumps(channel)}}}'
    )


class DpdTransport:
    """Translate between the hub and a page of django-plotly-dash; a ``Transport``.

    The first triplet shows that it is such a page. Until then frames pass unchanged, since it may
    be a client of version 1.

    Such a page can't resume and replays nothing, so it is sent messages from its first triplet
    on. It answers no pings, so they are answered for it: while its triplets come, and for as many
    characters between two of them as version 1 sends between two pongs. A page that uses them up
    may be sent twice as many until the next triplet, ``MAX_UNSEEN`` at most.

    Args:
        transport: carries frames to the browser.
        answer: has the hub take a frame from the browser, later; see ``Hub.receive_soon``.
        clock: seconds that only go forward.
        values: those of the hub.

    Attributes:
        alive_until: the page is taken for gone then, unless another triplet comes.
    """

    def __init__(
        self,
        transport: Transport,
        answer: Callable[[str], None],
        clock: Callable[[], float],
        values: DpdValues,
    ) -> None:
        self._transport = transport
        self._answer = answer
        self._clock = clock
        self._values = values
        self._is_page = False
        self._pipes: OrderedDict[str, tuple[str, str | None]] = OrderedDict()
        self._wanted: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
        self.alive_until = 0.0
        self._unseen = 0  # characters of messages that were sent since the last triplet
        self._max_unseen = FIRST_UNSEEN
        self._owed: int | None = None  # the ping that was not answered

    def frames(self, text: str) -> Iterator[str]:
        """Translate a frame of the browser: yield the frames of version 1 that it stands for."""
        fields = _triplet(text)
        if fields is None:
            yield text
            return
        self._is_page = True
        self.alive_until = self._clock() + SILENCE
        if self._unseen >= self._max_unseen:
            self._max_unseen = min(2 * self._max_unseen, MAX_UNSEEN)
        self._unseen = 0
        owed, self._owed = self._owed, None
        if owed is not None:
            yield _pong(owed)
        yield from self._subscriptions(fields)

    def send(self, frame: Frame) -> None:
        """Send a frame, or its messages one by one; see ``Transport``."""
        if not self._is_page:
            self._transport.send(frame)
            if isinstance(frame, PingFrame):
                self._owed = frame.n  # if it is such a page, its first triplet is the answer
        elif isinstance(frame, MessagesFrame):
            self._unseen += len(frame.text)
            for row in frame.rows:
                self._send_value(frame.channel, row)
        elif isinstance(frame, PingFrame):
            if self._unseen < self._max_unseen and self._clock() < self.alive_until:
                self._answer(_pong(frame.n))
            else:
                self._owed = frame.n

    def close(self, code: Close, reason: str) -> None:
        """Close the connection; see ``Transport``."""
        self._transport.close(code, reason)

    def _subscriptions(self, fields: dict[str, Any]) -> Iterator[str]:
        """Yield the frames that bring the subscriptions up to date with a triplet.

        An invalid one is ignored: it shows that the page is alive, and no more.
        """
        uid, channel = fields.get("uid"), fields.get("channel_name")
        label = fields.get("label") or None
        if not is_name(uid) or not is_name(channel) or not (label is None or is_name(label)):
            return
        before, wanted = self._pipes.pop(uid, None), (channel, label)
        self._pipes[uid] = wanted
        if wanted == before:
            return
        gone = [] if before is None else [before]
        if len(self._pipes) > MAX_UIDS:
            gone.append(self._pipes.popitem(last=False)[1])
        self._wanted[channel][label] += 1
        for pipe in gone:
            self._forget(*pipe)
        for name in dict.fromkeys([channel, *(name for name, _ in gone)]):
            yield self._subscription(name)

    def _forget(self, channel: str, label: str | None) -> None:
        """Count one Pipe less that wants a label."""
        labels = self._wanted[channel]
        labels[label] -= 1
        if not labels[label]:
            del labels[label]
        if not labels:
            del self._wanted[channel]

    def _send_value(self, channel: str, row: str) -> None:
        wanted = self._wanted.get(channel, ())
        label, frame = self._values.frame(channel, row)
        if label in wanted or None in wanted:
            self._transport.send(frame)

    def _subscription(self, channel: str) -> str:
        """Return the frame that subscribes a channel to the labels that its Pipes want now."""
        labels = self._wanted.get(channel, ())
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


def _triplet(text: str) -> dict[str, Any] | None:
    """Return the fields of a triplet; None for any other frame."""
    if '"connection_triplet"' not in text:
        return None
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(fields, dict) and fields.get("type") == "connection_triplet":
        return fields
    return None
