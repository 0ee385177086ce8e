"""A source of 1,000 messages a second beside Dash's callbacks, whose p99 at most doubles.

And a process that stands still for 30 seconds, which takes too long for `make test`.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from attacks.healthy import FLOOR, Latency
from harness.crowd import Crowd
from harness.environment import environment
from harness.machines import machines
from harness.redis import RedisServer
from harness.server import Server
from harness.wait import wait_for

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.timeout(600),
]

SECONDS = float(os.environ.get("ATTACK_SECONDS", "10"))
LISTENERS = 5
RATE = 1000  # messages a second
CALLER = Path(__file__).with_name("caller.py")
WAYS = {
    "threads": ("gunicorn-gthread", "thread", False),
    "threads, Redis": ("gunicorn-gthread", "thread", True),
    "gevent": ("gunicorn-gevent", "thread", False),
    "loop": ("uvicorn", "loop", False),
    "loop, Redis": ("uvicorn", "loop", True),
}


def call(port: int) -> Latency:
    """Return the latency of callbacks."""
    command = [sys.executable, str(CALLER), str(port), str(SECONDS)]
    done = subprocess.run(
        command, env=environment(), check=True, capture_output=True, timeout=10 * SECONDS
    )
    found = sorted(json.loads(done.stdout))
    return Latency(found[len(found) // 2], found[int(0.99 * len(found))], len(found) / SECONDS)


class Listeners:
    """Some pages that listen, in a thread; a context manager."""

    def __init__(self, url: str, channel: str) -> None:
        self.heard = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._hear(url, channel)))

    def __enter__(self) -> Listeners:
        self._thread.start()
        wait_for(lambda: self.heard, "the first messages")
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    async def _hear(self, url: str, channel: str) -> None:
        async with Crowd(url, LISTENERS, channel) as crowd:
            while not self._is_over.is_set():
                self.heard += sum(map(len, await crowd.hear(1)))


@contextmanager
def served(host: str, is_shared: bool, directory: Path) -> Iterator[Server]:
    """Serve the app of the flood, with messages in memory or in Redis."""
    with ExitStack() as stack:
        settings = {}
        if is_shared:
            redis = stack.enter_context(RedisServer(directory / "redis"))
            settings["DASH_PIPE_BROKER"] = redis.url
        server = Server(host, "flood", directory / "log", settings=settings)
        yield stack.enter_context(server)
        assert server.tracebacks() == []


@pytest.mark.parametrize("name", WAYS)
def test_source_of_1000_messages_a_second_costs_callbacks_little(name: str, tmp_path: Path) -> None:
    host, channel, is_shared = WAYS[name]
    with served(host, is_shared, tmp_path) as server:
        call(server.port)  # a warm-up
        before = call(server.port)
        with Listeners(server.url, channel) as listeners:
            heard, begun_at = listeners.heard, time.monotonic()
            during = call(server.port)
            rate = (listeners.heard - heard) / (time.monotonic() - begun_at) / LISTENERS
    sys.stdout.write(
        f"\n{name}: callbacks p50 {before.p50:.1f} -> {during.p50:.1f} ms, p99 {before.p99:.1f} -> "
        f"{during.p99:.1f} ms; {rate:.0f} messages/s to each of {LISTENERS} pages; "
        f"load {os.getloadavg()[0]:.1f}\n"
    )
    assert rate > 0.9 * RATE
    assert during.p99 <= 2 * max(before.p99, FLOOR), (before, during)


STOPPED = 30.0


@pytest.mark.parametrize("place", [("gunicorn-gthread", "plain"), ("uvicorn", "async")])
def test_holder_that_stood_still_for_30_seconds_sends_nothing(
    place: tuple[str, str], tmp_path: Path
) -> None:
    options = ["--timeout=120"] if place[0].startswith("gunicorn") else []
    with machines(*place, tmp_path, *options) as made:
        first, stopped_at = made.first, time.monotonic()
        made.holder.stop()
        made.wait_for_next_run(STOPPED)
        wait_for(lambda: time.monotonic() > stopped_at + STOPPED, "the time", STOPPED)
        made.holder.resume()
        wait_for(lambda: made.runs()[first].has_ended, "the end of the first run", 3)
        made.wait_for_more(made.other.follower, made.holder.follower)
        assert len(made.runs()) == 2
        for each in (made.other, made.holder):
            each.check(made.runs(), unsent=2)
