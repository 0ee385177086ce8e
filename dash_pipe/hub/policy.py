"""What a hub holds its connections to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """What a hub holds its sessions to.

    Attributes:
        heartbeat_interval: seconds between two signs of life, in both directions.
        max_spread: seconds over which browsers are spread at most when this server goes away.
        returns_per_second: how many returning browsers a server should meet a second.
        max_sessions: how many connections a hub takes.
    """

    heartbeat_interval: float = 25.0
    max_spread: float = 30.0
    returns_per_second: float = 200.0
    max_sessions: int = 10_000
