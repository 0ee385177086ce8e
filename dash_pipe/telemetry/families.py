"""The numbers of a process as families of Prometheus. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .counters import CLOSE_CODES
from .histogram import BOUNDS, histogram_names
from .traffic import CAUSES, ERRORS

PREFIX = "dash_pipe_"
LIMITS = (
    "max_connections",
    "max_connections_per_address",
    "max_connections_per_user",
    "handshake_rate",
    "poll_rate",
    "frame_rate",
    "channel_rate",
    "authorize_rate",
)


@dataclass(frozen=True)
class Family:
    """One metric.

    Attributes:
        name: its name without the prefix, and without the ``_total`` of a counter.
        kind: its type.
        meaning: one sentence.
        samples: the name of the number, in ``stats``, of each combination of labels; of a
            histogram the first part of the names.
        label: the name of the label, if it has one.
        worst: of several processes the largest counts, not the sum.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    samples: Mapping[str, str]
    label: str = ""
    worst: bool = False

    def stats(self) -> list[str]:
        """Return the names of its numbers in ``stats``."""
        names = list(self.samples.values())
        return list(histogram_names(names[0])) if self.kind == "histogram" else names


def _counter(name: str, meaning: str) -> Family:
    return Family(name, "counter", meaning, {"": name})


def _gauge(name: str, meaning: str, *, worst: bool = False) -> Family:
    return Family(name, "gauge", meaning, {"": name}, worst=worst)


def _histogram(name: str, meaning: str) -> Family:
    return Family(f"{name}_seconds", "histogram", meaning, {"": name})


FAMILIES = (
    Family(
        "connections",
        "gauge",
        "Browsers that are connected by websocket.",
        {each: f"connections_{each}" for each in ("asgi", "loop", "thread")},
        "transport",
    ),
    _counter("connections_opened", "Websockets that were opened."),
    _counter("polls", "Polls of pages that can't open a websocket."),
    _gauge("subscriptions", "Channels that browsers listen to, counted for each browser."),
    _counter("messages_published", "Messages that this process sent to a channel."),
    _counter("bytes_published", "Characters of their values, as JSON."),
    _counter("messages_unsent", "Messages that the broker did not confirm."),
    _counter("messages_sent", "Messages that were sent to browsers, counted for each browser."),
    _counter("bytes_sent", "Characters of the frames that carried them."),
    _counter("frames_received", "Frames of browsers."),
    _counter("bytes_received", "Their characters."),
    Family(
        "gaps",
        "counter",
        "Losses that a browser was told of.",
        {cause: f"gaps_{cause}" for cause in CAUSES},
        "cause",
    ),
    Family(
        "closes",
        "counter",
        "Connections and polls that this server closed or rejected.",
        {str(code): f"closed_{code}" for code in CLOSE_CODES},
        "code",
    ),
    Family(
        "errors",
        "counter",
        "Frames of browsers that were answered with an error.",
        {code: f"errors_{code}" for code in ERRORS},
        "code",
    ),
    _counter("token_denied", "Subscribes to protected channels with a missing or wrong token."),
    Family(
        "limits_reached",
        "counter",
        "Times that a limit was reached.",
        {each: f"{each}_reached" for each in LIMITS},
        "limit",
    ),
    _histogram("fanout", "Duration of one fan-out to all browsers of a process."),
    _histogram("lag", "Age of the newest message when it was sent to browsers."),
    _gauge("broker_away", "1 if the broker did not answer the last check.", worst=True),
    _gauge("broker_ping_seconds", "Duration of the last check of the broker.", worst=True),
    _gauge("logs", "Channels whose messages are kept in this process."),
    _gauge("log_messages", "Messages that are kept in this process."),
    _gauge("log_bytes", "Bytes of the messages that are kept in this process."),
    _counter("app_calls", "Calls of authorize and of websocket_connect hooks."),
    _counter("app_calls_seconds", "Their duration, with the wait for a thread."),
    _counter("app_calls_timed_out", "Calls that did not return in time."),
    _counter("app_calls_raised", "Calls that raised an exception."),
    _gauge("app_calls_waiting", "Calls that wait for a thread."),
    _gauge("app_calls_under_way", "Calls that have begun and not ended."),
    _gauge("sources_running", "Sources that run in this process, counted for each channel."),
    _counter("source_failures", "Times that a source raised an exception."),
)
"""Every number of ``stats``; ``connections`` is the sum of its transports."""


BUCKETS = (*map(str, BOUNDS.values()), "+Inf")
"""The upper bounds of the buckets of a histogram, as Prometheus writes them."""


def buckets(stat: str, numbers: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the buckets of a histogram: the upper bound of each, and its cumulated count."""
    names = [name for name in histogram_names(stat) if name != f"{stat}_seconds"]
    return [(bound, numbers[name]) for bound, name in zip(BUCKETS, names, strict=True)]
