"""Processes with pages, and senders, on a tiny Redis; the test calls each of their steps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dash_pipe.brokers.redis import connections, mirrors, sync
from dash_pipe.brokers.redis import sender as redis_sender
from dash_pipe.brokers.redis.broker import RedisBroker
from dash_pipe.brokers.redis.connection import RedisError
from dash_pipe.brokers.redis.follower import RedisFollower
from dash_pipe.brokers.redis.mirror import Mirror
from dash_pipe.brokers.redis.sync import Sync
from dash_pipe.hub.hub import Hub
from dash_pipe.hub.policy import Policy
from dash_pipe.log import Limits
from schedules.link import Host, Link
from schedules.tiny_redis import TinyRedis
from unit.fakes import Clock


def use_clock(patch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Let the brokers read this clock."""
    fake = SimpleNamespace(monotonic=clock, time=clock, sleep=lambda seconds: None)
    for module in (connections, redis_sender, mirrors, sync):
        patch.setattr(module, "time", fake)
    patch.setattr(mirrors, "Mirror", lambda limits, known: Mirror(limits, known, clock))


class Follower(RedisFollower):
    """A follower without a thread."""

    _sync: Sync | None = None
    _links: tuple[Link, ...] = ()

    def _wake(self) -> None: ...

    @property
    def mirrors(self) -> Any:
        return self._mirrors

    def step(self, now: float) -> None:
        """Do what the thread does until it waits."""
        if not len(self._mirrors):
            self.disconnect()
            return
        try:
            if self._sync is None:
                self._links = (self._connect(5.0), self._connect(5.0))  # type: ignore[assignment]
                self._sync = Sync(
                    self._mirrors,
                    self._reports,
                    self._presence,
                    None,
                    *self._links,
                    self._on_append,
                )  # type: ignore[arg-type]
                self._sync.begin()
            while self._sync.step(now):
                pass
        except RedisError:
            self.disconnect()

    def disconnect(self) -> None:
        for link in self._links:
            link.close()
        self._sync, self._links = None, ()


class Process:
    """A process with pages: a hub, and a broker whose host may be cut off."""

    def __init__(self, server: TinyRedis, limits: Limits, policy: Policy, clock: Clock) -> None:
        self.host = Host(server)
        self.broker = sender(self.host, limits)
        self.clock = clock
        connect: Any = self.host.connect
        watchers, heads = self.broker._watchers, self.broker._sender._heads
        follower = Follower(connect, 0, limits, 100, heads, watchers.notify)
        self.follower = self.broker._follower = follower
        self.hub = Hub(self.broker, policy, lambda: None, clock)

    def work(self) -> None:
        """Let the mirrors follow, and the hub send."""
        self.follower.step(self.clock())
        self.hub.flush()

    def has_reported(self, run: str) -> bool:
        """Return whether it has told a run of Redis what it knows of channels without a mirror."""
        heads = self.broker._sender._heads
        return heads._run == run and not heads._due


def sender(host: Host, limits: Limits) -> RedisBroker:
    """Return a broker that does not try again."""
    connect: Any = host.connect
    return RedisBroker(connect, 0, limits, 100, 0.0)
