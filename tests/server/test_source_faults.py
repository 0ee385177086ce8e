"""The process that runs a source is killed, stopped, cut from Redis, replaced: what pages hear."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

import dash_pipe
from dash_pipe.errors import ListenersUnknownError
from harness.machines import Machines, machines
from harness.wait import wait_for, wait_for_value

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

KILLED = 11.0  # seconds without messages after a kill: a lease, a look, the first message
ENDED = 3.0  # after SIGTERM
UNCOUNTED = 7.0  # seconds until a process that is gone counts no longer, and one of its tests
COUNTED = 4.0  # until one that is back does
SENT_LATE = 1.0  # after which a listener has heard what was sent
# A host with threads and one with a loop; the source that runs there. (Flask's server is killed by
# SIGTERM.)
PLACES = {"threads": ("gunicorn-gthread", "plain"), "loop": ("uvicorn", "async")}


def report(fault: str, gap: float) -> None:
    sys.stdout.write(f"\n{fault}: {gap:.2f} s between the messages of two runs\n")


def gap_between(made: Machines, first: str, second: str) -> float:
    """Return the seconds between the last message of a run and the first of the next."""
    heard = [*zip(made.other.follower.values, made.other.follower.times, strict=False)]
    before = max(at for (run, _), at in heard if run == first)
    return min(at for (run, _), at in heard if run == second) - before


def count_listeners(made: Machines) -> int | None:
    """Return how many listen, as this process knows; None if it does not."""
    try:
        return dash_pipe.listeners(made.channel)
    except ListenersUnknownError:
        return None


def wait_for_listeners(made: Machines, number: int, seconds: float) -> None:
    wait_for_value(lambda: count_listeners(made), number, "listeners", seconds)


def test_killed_holder_is_followed_by_another_within_a_lease(tmp_path: Path) -> None:
    with machines(*PLACES["threads"], tmp_path) as made:
        dash_pipe.configure(broker=made.redis.url)
        assert count_listeners(made) == 2
        first, killed_at = made.first, time.monotonic()
        made.holder.server.kill9()
        wait_for_listeners(made, 1, UNCOUNTED)
        second, at = made.wait_for_next_run(KILLED)
        report("kill -9", gap_between(made, first, second))
        assert at - killed_at <= KILLED
        made.wait_for_more(made.other.follower)
        assert len(made.runs()) == 2
        # A number is written down before it is sent.
        made.other.check(made.runs(), unsent=1)


def test_stopped_holder_sends_nothing_when_it_goes_on(tmp_path: Path) -> None:
    with machines(*PLACES["loop"], tmp_path) as made:
        dash_pipe.configure(broker=made.redis.url)
        first, stopped_at = made.first, time.monotonic()
        made.holder.stop()
        wait_for_listeners(made, 1, UNCOUNTED)
        second, at = made.wait_for_next_run(KILLED)
        report("SIGSTOP", gap_between(made, first, second))
        assert at - stopped_at <= KILLED
        made.holder.resume()
        wait_for(lambda: made.runs()[first].has_ended, "the end of the first run", ENDED)
        wait_for_listeners(made, 2, COUNTED)
        made.wait_for_more(made.other.follower, made.holder.follower)
        assert len(made.runs()) == 2
        for each in (made.other, made.holder):
            each.check(made.runs(), unsent=2)


def test_holder_that_is_cut_from_redis_is_followed_by_another(tmp_path: Path) -> None:
    with machines(*PLACES["threads"], tmp_path) as made:
        dash_pipe.configure(broker=made.redis.url)
        first, cut_at = made.first, time.monotonic()
        made.holder.cut()
        wait_for_listeners(made, 1, UNCOUNTED)
        second, at = made.wait_for_next_run(KILLED)
        report("cut from Redis", gap_between(made, first, second))
        assert at - cut_at <= KILLED
        assert not made.runs()[first].has_ended  # it can't know
        made.holder.link.allow()
        wait_for_listeners(made, 2, COUNTED)
        wait_for(lambda: made.runs()[first].has_ended, "the end of the first run", ENDED)
        made.wait_for_more(made.other.follower, made.holder.follower)
        assert len(made.runs()) == 2
        for each in (made.other, made.holder):
            each.check(made.runs(), unsent=1)


def test_ended_holder_hands_over_soon_and_loses_nothing(tmp_path: Path) -> None:
    with machines(*PLACES["loop"], tmp_path) as made:
        dash_pipe.configure(broker=made.redis.url)
        first, ended_at = made.first, time.monotonic()
        made.holder.server.stop()
        wait_for_listeners(made, 1, SENT_LATE)
        second, at = made.wait_for_next_run(ENDED)
        report("SIGTERM", gap_between(made, first, second))
        assert at - ended_at <= ENDED
        made.wait_for_more(made.other.follower)
        runs = made.runs()
        assert runs[first].has_ended
        made.other.check(runs, unsent=0)


def test_rolling_restart_of_gunicorn_hands_over_soon_and_loses_nothing(tmp_path: Path) -> None:
    host, channel = "gunicorn-gthread", "plain"
    with machines(host, channel, tmp_path, "--workers=2", "--graceful-timeout=5") as made:
        first, told_at = made.first, time.monotonic()
        os.kill(made.holder.server.pid, signal.SIGHUP)
        second, at = made.wait_for_next_run(10)
        gap = gap_between(made, first, second)
        report("SIGHUP of gunicorn", gap)
        sys.stdout.write(f"and {at - told_at:.2f} s after the signal, for new workers first\n")
        assert gap <= ENDED
        made.wait_for_more(made.other.follower, made.holder.follower)
        for each in (made.other, made.holder):
            each.check(made.runs(), unsent=0)


def test_redis_that_lost_its_data_has_one_run_and_the_listeners_again(tmp_path: Path) -> None:
    with machines(*PLACES["threads"], tmp_path) as made:
        dash_pipe.configure(broker=made.redis.url)
        assert count_listeners(made) == 2
        made.redis.lose_all()
        wait_for_listeners(made, 2, COUNTED)
        made.wait_for_more(made.other.follower, made.holder.follower)
        runs = made.runs()
        assert len([run for run in runs.values() if not run.has_ended]) == 1
