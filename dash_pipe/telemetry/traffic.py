"""Count what passes through one hub, without a lock."""

from __future__ import annotations

import time
from collections.abc import Callable

from .histogram import Histogram, histogram_names

ERRORS = (
    "bad_frame",
    "denied",
    "not_subscribed",
    "too_many_channels",
    "too_many_labels",
    "too_many_replays",
)
CAUSES = ("epoch", "unknown", "window")

TRAFFIC = (
    "frames_received",
    "bytes_received",
    "messages_sent",
    "bytes_sent",
    "max_connections_per_user_reached",
    "frame_rate_reached",
    "channel_rate_reached",
    *(f"gaps_{cause}" for cause in CAUSES),
    *(f"errors_{code}" for code in ERRORS),
    *histogram_names("fanout"),
    *histogram_names("lag"),
)
"""The names of its numbers."""


class Traffic:
    """The numbers of one hub. They count from 0 and never fall.

    One thread at a time may count, as with the hub; any thread may read.

    Args:
        wall_clock: seconds since 1970, to compare with the times of messages.

    Attributes:
        frames_received: frames of browsers.
        bytes_received: their characters.
        messages_sent: messages that were sent to browsers, once for each browser.
        bytes_sent: the characters of the frames that carried them.
        max_connections_per_user_reached: browsers of users who have too many others.
        frame_rate_reached: browsers that sent too many frames.
        channel_rate_reached: browsers that opened too many channels in a short time.
        fanout: the durations of the hub's flushes.
        lag: the ages of messages when they were sent.
    """

    __slots__ = (
        "_errors",
        "_gaps",
        "_wall_clock",
        "bytes_received",
        "bytes_sent",
        "channel_rate_reached",
        "fanout",
        "frame_rate_reached",
        "frames_received",
        "lag",
        "max_connections_per_user_reached",
        "messages_sent",
    )

    def __init__(self, wall_clock: Callable[[], float] = time.time) -> None:
        self._wall_clock = wall_clock
        self._gaps = dict.fromkeys(CAUSES, 0)
        self._errors = dict.fromkeys(ERRORS, 0)
        self.frames_received = 0
        self.bytes_received = 0
        self.messages_sent = 0
        self.bytes_sent = 0
        self.max_connections_per_user_reached = 0
        self.frame_rate_reached = 0
        self.channel_rate_reached = 0
        self.fanout = Histogram()
        self.lag = Histogram()

    def received(self, text: str) -> None:
        """Count a frame of a browser."""
        self.frames_received += 1
        self.bytes_received += len(text)

    def gap(self, cause: str) -> None:
        """Count that a browser was told of a loss, by its cause."""
        self._gaps[cause] += 1

    def error(self, code: str) -> None:
        """Count an error of a browser's frame."""
        if code in self._errors:
            self._errors[code] += 1

    def note_age(self, sent_at: float | None) -> None:
        """Note that a message of that time was just sent to browsers."""
        if sent_at is not None:
            self.lag.add(self._wall_clock() - sent_at)

    def numbers(self) -> dict[str, float]:
        """Return its numbers by name."""
        return {
            "frames_received": self.frames_received,
            "bytes_received": self.bytes_received,
            "messages_sent": self.messages_sent,
            "bytes_sent": self.bytes_sent,
            "max_connections_per_user_reached": self.max_connections_per_user_reached,
            "frame_rate_reached": self.frame_rate_reached,
            "channel_rate_reached": self.channel_rate_reached,
            **{f"gaps_{cause}": count for cause, count in self._gaps.items()},
            **{f"errors_{code}": count for code, count in self._errors.items()},
            **self.fanout.numbers("fanout"),
            **self.lag.numbers("lag"),
        }
