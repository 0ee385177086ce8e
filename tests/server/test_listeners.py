"""The listeners that another process counts, and the first and the last that it is told of."""

from __future__ import annotations

import queue
import time
from pathlib import Path

import pytest

import dash_pipe
from harness.redis import RedisServer
from harness.server import Server
from harness.wait import wait_for_value
from harness.ws import PipeClient

CLOSED = 1.0  # seconds until a page that was closed counts no longer
TOLD = 3.0  # until another process is told: it looks once a second


@pytest.mark.parametrize("host", ["gunicorn-two", "gunicorn-gevent", "uvicorn"])
def test_listeners_in_another_process_are_right_when_pages_come_and_go(
    host: str, tmp_path: Path
) -> None:
    with RedisServer(tmp_path / "redis") as redis:
        settings = {"DASH_PIPE_BROKER": redis.url}
        with Server(host, "room", tmp_path / "log", settings=settings) as server:
            dash_pipe.configure(broker=redis.url)
            told: queue.Queue[tuple[bool, float]] = queue.Queue()
            end = dash_pipe.watch_listeners(
                "jobs", lambda is_heard: told.put((is_heard, time.monotonic()))
            )
            assert told.get(timeout=TOLD)[0] is False
            with PipeClient(f"{server.url}/") as page:
                page.subscribe("jobs", ["a"])
                came_at = time.monotonic()
                wait_for_value(lambda: dash_pipe.listeners("jobs"), 1, "listeners", CLOSED)
                is_heard, at = told.get(timeout=TOLD)
                assert is_heard
                assert at - came_at < TOLD
                with PipeClient(f"{server.url}/") as other:
                    other.subscribe("jobs")
                    wait_for_value(lambda: dash_pipe.listeners("jobs"), 2, "listeners", CLOSED)
                    assert dash_pipe.listeners("jobs", "a") == 2
                    assert dash_pipe.listeners("jobs", "b") == 1
                wait_for_value(lambda: dash_pipe.listeners("jobs"), 1, "listeners", CLOSED)
            wait_for_value(lambda: dash_pipe.listeners("jobs"), 0, "listeners", CLOSED)
            is_heard, _ = told.get(timeout=TOLD)
            assert not is_heard
            assert told.empty()
            end()
