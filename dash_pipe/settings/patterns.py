"""Match names of channels with patterns, in which ``*`` stands for any characters. Pure."""

from __future__ import annotations

from collections.abc import Collection

from ..protocol import is_name

ANY = "*"  # any number of characters, also none


def parse_pattern(text: str) -> str:
    """Return a pattern.

    Raises:
        ValueError: it is no name of a channel, so it would never match.
    """
    if not is_name(text):
        raise ValueError(f"{text!r} matches no channel: a name has 1 to 200 characters")
    return text


def matches_pattern(name: str, patterns: Collection[str]) -> bool:
    """Return whether one of the patterns matches the whole name.

    Every character but ``*`` stands for itself; case counts.
    """
    return any(_matches(name, pattern) for pattern in patterns)


def _matches(name: str, pattern: str) -> bool:
    """Match in linear time: strangers choose the name."""
    first, *rest = pattern.split(ANY)
    if not rest:
        return name == first
    *middle, last = rest
    at, end = len(first), len(name) - len(last)
    if at > end or not name.startswith(first) or not name.endswith(last):
        return False
    for part in middle:
        at = name.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
