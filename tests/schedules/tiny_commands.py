"""The commands of a tiny Redis that read and write keys."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from redis.exceptions import ResponseError

Hash = dict[bytes, bytes]
SortedSet = dict[bytes, float]
WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


class SortedMembers(SortedSet):
    """A sorted set: the score of each member. A type of its own, so that it is no hash."""

    def ordered(self) -> list[bytes]:
        return sorted(self, key=lambda member: (self[member], member))


class Commands:
    """The commands; each is a method of its name.

    Args:
        clock: the seconds since 1970.

    Attributes:
        data: the value of each key, and when it expires (in milliseconds) or None.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.data: dict[bytes, tuple[Any, int | None]] = {}

    def execute(self, name: str, arguments: list[bytes]) -> Any:
        method = getattr(self, "delete" if name == "DEL" else name.lower(), None)
        if method is None:
            raise ResponseError(f"unknown command '{name}'")
        return method(*arguments)

    # Any key

    def time(self) -> list[bytes]:
        whole = round(self._clock() * 1_000_000)
        return [str(whole // 1_000_000).encode(), str(whole % 1_000_000).encode()]

    def flushall(self) -> bytes:
        self.data.clear()
        return b"OK"

    def keys(self, _pattern: bytes) -> list[bytes]:
        return [key for key in list(self.data) if self._find(key) is not None]

    def delete(self, *keys: bytes) -> int:
        return sum(self._find(key) is not None and bool(self.data.pop(key)) for key in keys)

    def pexpire(self, key: bytes, milliseconds: bytes) -> int:
        value = self._find(key)
        if value is None:
            return 0
        self.data[key] = value, self._now() + int(milliseconds)
        return 1

    def pttl(self, key: bytes) -> int:
        if self._find(key) is None:
            return -2
        expires = self.data[key][1]
        return -1 if expires is None else expires - self._now()

    # Hashes

    def hset(self, key: bytes, *pairs: bytes) -> int:
        content: Hash = self._make(key, dict)
        before = len(content)
        content.update(zip(pairs[::2], pairs[1::2], strict=True))
        return len(content) - before

    def hget(self, key: bytes, field: bytes) -> bytes | None:
        return self._hash(key).get(field)

    def hmget(self, key: bytes, *fields: bytes) -> list[bytes | None]:
        return [self._hash(key).get(field) for field in fields]

    def hdel(self, key: bytes, *fields: bytes) -> int:
        return self._remove(key, self._hash(key), fields)

    def hlen(self, key: bytes) -> int:
        return len(self._hash(key))

    def hvals(self, key: bytes) -> list[bytes]:
        return list(self._hash(key).values())

    # Lists

    def rpush(self, key: bytes, *values: bytes) -> int:
        content: list[bytes] = self._make(key, list)
        content.extend(values)
        return len(content)

    def lpush(self, key: bytes, *values: bytes) -> int:
        content: list[bytes] = self._make(key, list)
        content[:0] = reversed(values)
        return len(content)

    def lpop(self, key: bytes) -> bytes | None:
        content = self._list(key)
        if not content:
            return None
        first = content.pop(0)
        if not content:
            del self.data[key]
        return first

    def lindex(self, key: bytes, index: bytes) -> bytes | None:
        content, at = self._list(key), int(index)
        return content[at] if -len(content) <= at < len(content) else None

    def lrange(self, key: bytes, start: bytes, stop: bytes) -> list[bytes]:
        return _slice(self._list(key), start, stop)

    def llen(self, key: bytes) -> int:
        return len(self._list(key))

    # Sorted sets

    def zadd(self, key: bytes, *pairs: bytes) -> int:
        content: SortedMembers = self._make(key, SortedMembers)
        before = len(content)
        for score, member in zip(pairs[::2], pairs[1::2], strict=True):
            content[member] = float(score)
        return len(content) - before

    def zscore(self, key: bytes, member: bytes) -> bytes | None:
        content = self._sorted(key)
        return _text(content[member]) if member in content else None

    def zrem(self, key: bytes, *members: bytes) -> int:
        return self._remove(key, self._sorted(key), members)

    def zcard(self, key: bytes) -> int:
        return len(self._sorted(key))

    def zpopmin(self, key: bytes) -> list[bytes]:
        content = self._sorted(key)
        if not content:
            return []
        lowest = content.ordered()[0]
        reply = [lowest, _text(content[lowest])]
        self._remove(key, content, [lowest])
        return reply

    def zrange(self, key: bytes, start: bytes, stop: bytes, *options: bytes) -> list[bytes]:
        content = self._sorted(key)
        return _with_scores(content, _slice(content.ordered(), start, stop), options)

    def zrangebyscore(self, key: bytes, least: bytes, most: bytes, *options: bytes) -> list[bytes]:
        content = self._sorted(key)
        found = _between(content, least, most)
        names = [option.upper() for option in options]
        if b"LIMIT" in names:
            skip, count = map(int, options[names.index(b"LIMIT") + 1 :][:2])
            found = found[skip:] if count < 0 else found[skip : skip + count]
            found = found if skip >= 0 else []
        return _with_scores(content, found, options)

    def zremrangebyscore(self, key: bytes, least: bytes, most: bytes) -> int:
        content = self._sorted(key)
        return self._remove(key, content, _between(content, least, most))

    # Inside

    def _now(self) -> int:
        return math.floor(self._clock() * 1000)

    def _find(self, key: bytes) -> Any:
        """Return the value of a key. Remove it if it has expired."""
        value, expires = self.data.get(key, (None, None))
        if expires is not None and expires <= self._now():
            del self.data[key]
            return None
        return value

    def _make(self, key: bytes, kind: type) -> Any:
        if self._find(key) is None:
            self.data[key] = kind(), None
        return self._get(key, kind)

    def _get(self, key: bytes, kind: type) -> Any:
        value = self._find(key)
        if value is not None and type(value) is not kind:
            raise ResponseError(WRONG_TYPE)
        return kind() if value is None else value

    def _hash(self, key: bytes) -> Hash:
        return self._get(key, dict)  # type: ignore[no-any-return]

    def _list(self, key: bytes) -> list[bytes]:
        return self._get(key, list)  # type: ignore[no-any-return]

    def _sorted(self, key: bytes) -> SortedMembers:
        return self._get(key, SortedMembers)  # type: ignore[no-any-return]

    def _remove(self, key: bytes, content: dict[bytes, Any], names: Any) -> int:
        gone = sum(content.pop(name, None) is not None for name in names)
        if gone and not content:
            del self.data[key]
        return gone


def _slice(content: list[bytes], start: bytes, stop: bytes) -> list[bytes]:
    first, last = int(start), int(stop)
    first = max(0, first + len(content)) if first < 0 else first
    last = last + len(content) if last < 0 else last
    return content[first : last + 1] if last >= 0 else []


def _between(content: SortedMembers, least: bytes, most: bytes) -> list[bytes]:
    """Return the members with scores between two bounds, in order."""
    (low, above_low), (high, below_high) = _bound(least), _bound(most)
    return [
        member
        for member in content.ordered()
        if low <= content[member] <= high
        and not (above_low and content[member] == low)
        and not (below_high and content[member] == high)
    ]


def _bound(text: bytes) -> tuple[float, bool]:
    """Return a bound of a score, and whether it is excluded."""
    return (float(text[1:]), True) if text.startswith(b"(") else (float(text), False)


def _text(score: float) -> bytes:
    return b"inf" if score == math.inf else format(score, ".17g").encode()


def _with_scores(
    content: SortedMembers, members: list[bytes], options: tuple[bytes, ...]
) -> list[bytes]:
    if not any(option.upper() == b"WITHSCORES" for option in options):
        return members
    return [each for member in members for each in (member, _text(content[member]))]
