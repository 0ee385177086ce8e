"""A flood of new channels, and a message on another channel of the same process."""

from __future__ import annotations

import pytest

from dash_pipe.brokers.redis.sync import AT_ONCE
from dash_pipe.hub.policy import Policy
from dash_pipe.log import Limits
from schedules.process import Process, use_clock
from schedules.tiny_redis import TinyRedis
from unit.fakes import Browser, Clock, values

FLOOD = 128  # channels: a connection has no more at once


def test_message_is_heard_before_a_flood_of_new_channels_is_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(1_760_000_000.0)
    use_clock(monkeypatch, clock)
    server = TinyRedis(clock)
    process = Process(server, Limits(), Policy(), clock)
    listener, attacker = Browser(process.hub), Browser(process.hub)
    listener.subscribe("jobs")
    process.work()
    sync = process.follower._sync
    assert sync is not None
    for number in range(FLOOD):
        attacker.subscribe(f"invented {number}")
    listener.transport.take()
    counts, heard = [], []
    while len(attacker.transport.frames) < FLOOD:
        process.broker.publish("jobs", "a", "1")
        before = len(attacker.transport.frames)
        sync.step(clock())
        process.hub.flush()
        counts.append(len(attacker.transport.frames) - before)
        heard += values(listener.transport.take())
    assert max(counts) <= AT_ONCE
    assert len(heard) == len(counts)
