"""The pulse of Redis: its pings, and the time of an overdue answer, as plain numbers."""

from dash_pipe.brokers.redis.pulse import PING_SECONDS, TIMEOUT, Pulse


def test_silent_connection_is_overdue_within_25_seconds() -> None:
    pulse = Pulse(100.0)
    waited = []
    now = 100.0
    while not pulse.is_overdue(now):
        waited.append(pulse.wait(now))
        now += waited[-1]
        pulse.beat(now)
    assert waited == [PING_SECONDS, TIMEOUT]
    assert now <= 125.0


def test_answered_ping_is_followed_by_another() -> None:
    pulse = Pulse(100.0)
    assert not pulse.beat(119.0)
    assert pulse.beat(120.0)
    assert pulse.wait(121.0) == 4.0
    pulse.heard()
    assert not pulse.is_overdue(1000.0)
    assert pulse.wait(121.0) == 19.0
    assert not pulse.beat(139.0)
    assert pulse.beat(140.0)


def test_beat_that_is_overdue_is_not_made_up_for() -> None:
    pulse = Pulse(100.0)
    assert pulse.wait(500.0) == 0.0
    assert pulse.beat(500.0)
    pulse.heard()
    assert pulse.wait(500.0) == PING_SECONDS
