"""The keys of leases in Redis, and appends that need one. Pure.

A lease is a key that expires, in the hash slot of its channel. Its value is the owner. So the
script that appends a message can look, in the same step, whether the sender still holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from redis.exceptions import RedisError, ResponseError

from ..coordinator import Lease
from .commands import hash_tag


def guarded(
    keys: Sequence[str], order: Sequence[Any], lease: Lease | None
) -> tuple[Sequence[str], Sequence[Any]]:
    """Return the keys and arguments with which channel.lua appends only for the owner of a lease.

    Args:
        keys: those of the channel.
        order: the arguments of an append.
        lease: the lease; None if everybody may append.
    """
    if lease is None:
        return keys, order
    return (*keys, key_of(lease)), (*order, lease.owner)


def is_fenced(error: RedisError) -> bool:
    """Return whether channel.lua has refused to append, since the sender does not hold the lease.

    Redis did nothing then.
    """
    return isinstance(error, ResponseError) and str(error).startswith("FENCED")


def key_of(lease: Lease) -> str:
    """Return the key of a lease."""
    return f"dash-pipe:{{{hash_tag(lease.channel)}}}:source:{quote(lease.source, safe='')}"
