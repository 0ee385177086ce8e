"""Hint at a wrong label or channel: say which labels a channel has had. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..log import Log
from ..protocol import Subscribe

MAX_NAMED = 10  # labels of each kind that a hint names
_UNITS = ((3600, "hour"), (60, "minute"), (1, "second"))


def hint_for(subscribe: Subscribe, log: Log) -> str:
    """Return which labels a channel has had, if one of the subscribe has never had a message.

    Return an empty text if there is nothing to say: each label has had a message, the log has no
    history, or the browser may not listen to every label.
    """
    if None in subscribe.denied or not log.has_history:
        return ""
    summary = log.summary(subscribe.labels)
    channel = _shown(subscribe.channel)
    if summary.is_new:
        return (
            f"nothing has been sent to channel {channel} yet; a sender needs the same "
            "channel_name and the same broker"
        )
    if not summary.silent:
        return ""
    count = f"{summary.kept:,} message{'' if summary.kept == 1 else 's'}"
    return (
        f"channel {channel} has {count} of the last {_duration(summary.seconds)}, labels: "
        f"{_listed(summary.labels)}; nothing with label {_listed(summary.silent)}"
    )


def _listed(labels: Sequence[str]) -> str:
    named = [_shown(label) for label in labels[:MAX_NAMED]]
    more = len(labels) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _shown(name: str) -> str:
    """Return a name as it is, or quoted if a terminal would not print it so."""
    return name if name.isprintable() else json.dumps(name)


def _duration(seconds: float) -> str:
    size, unit = next((each for each in _UNITS if seconds % each[0] == 0), (1, "second"))
    count = seconds / size
    return unit if count == 1 else f"{count:g} {unit}s"
