"""State the limits and times that a hub enforces."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """The limits and times that a hub enforces for its sessions.

    Attributes:
        heartbeat_interval: seconds between two pings, and the time limit for their pongs.
        max_spread: browsers spread their return over at most so many seconds when a server goes
            away.
        returns_per_second: browsers that should return to a server per second, at most.
        max_sessions: sessions that a hub takes.
        max_sessions_per_user: sessions of a user that a hub takes; None for any number.
        authorize_again: seconds for which a permission holds at most.
        frame_rate: frames that a browser may send a second.
        dpd_frames: accept the frames of django-plotly-dash's Pipe.
    """

    heartbeat_interval: float = 25.0
    max_spread: float = 30.0
    returns_per_second: float = 200.0
    max_sessions: int = 10_000
    max_sessions_per_user: int | None = None
    authorize_again: float = float("inf")
    frame_rate: float = 1000.0
    dpd_frames: bool = False

    def spread(self, sessions: int) -> float:
        """Return over how many seconds so many browsers spread their return."""
        return min(self.max_spread, sessions / self.returns_per_second)
