"""Sources on each way to serve an app: one run while somebody listens, none otherwise."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.follower import Follower
from harness.ledger import Ledger, LedgerRun, check_numbers, heard
from harness.process import stopped, workers
from harness.redis import RedisServer
from harness.server import APPS, Server
from harness.wait import wait_for, wait_for_value
from harness.ws import PipeClient

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

LINGER = 0.5
WITHIN = 3.0  # seconds after LINGER until a run has ended; a busy machine takes more than one
FOUR = ("--workers=4",)
AFTER_GOODBYE = 5  # numbers that a process yields after it has told its pages that it ends


@dataclass(frozen=True)
class Way:
    """A way to serve an app: the host, its options, servers on one Redis, workers of each."""

    host: str
    options: tuple[str, ...] = ()
    servers: int = 1
    workers: int = 1
    is_shared: bool = True
    channels: tuple[str, ...] = ("plain", "async", "called", "of-ann")


WAYS = {
    "one process": Way("werkzeug", is_shared=False),
    "one loop": Way("uvicorn", is_shared=False),
    "gevent": Way("gunicorn-gevent", is_shared=False, channels=("plain", "called", "of-ann")),
    "preload": Way("gunicorn-preload", FOUR, workers=4),
    "gthread": Way("gunicorn-gthread", FOUR, workers=4),
    "uvicorn": Way("uvicorn-two", workers=2),
    "machines": Way("gunicorn-gthread", ("--workers=2",), servers=2, workers=2),
}


@contextmanager
def served(way: Way, directory: Path) -> Iterator[tuple[list[Server], Ledger]]:
    """Serve the app of sources; yield the servers and what the sources write down."""
    ledger = Ledger(directory / "ledger")
    settings = {"LEDGER": str(ledger.file), "LINGER": str(LINGER)}
    with ExitStack() as stack:
        if way.is_shared:
            redis = stack.enter_context(RedisServer(directory / "redis"))
            settings["DASH_PIPE_BROKER"] = redis.url
        servers = [
            stack.enter_context(
                Server(
                    way.host,
                    "sources",
                    directory / f"log-{number}",
                    options=way.options,
                    settings=settings,
                )
            )
            for number in range(way.servers)
        ]
        yield servers, ledger
        for server in servers:
            assert server.tracebacks() == []


def places(way: Way, server: Server) -> list[int]:
    """Return the processes of a server that open websockets."""
    if way.workers == 1:
        return [server.pid]
    wait_for_value(lambda: len(workers(server.pid)), way.workers, "workers")
    return workers(server.pid)


@contextmanager
def pages(way: Way, servers: list[Server]) -> Iterator[list[Follower]]:
    """Listen on each channel through each process."""
    with ExitStack() as stack:
        found = []
        for server in servers:
            for place in places(way, server):
                others = [pid for pid in places(way, server) if pid != place]
                with stopped(others):
                    for channel in way.channels:
                        found.append(Follower(f"{server.url}/_pipe/", channel))
                        stack.callback(found[-1].leave)
        yield found


def wait_for_more(followers: list[Follower], number: int = 10) -> None:
    """Wait until each has heard some more messages."""
    before = [len(each.values) for each in followers]
    wait_for(
        lambda: all(
            len(each.values) >= size + number for each, size in zip(followers, before, strict=True)
        ),
        "more messages",
    )


def is_over(runs: dict[str, LedgerRun]) -> bool:
    """Return whether nothing was yielded for as long as a source may linger, and more."""
    last = max(run.times[-1] for run in runs.values())
    return time.monotonic() - last > LINGER


@pytest.mark.parametrize("name", WAYS)
def test_source_runs_once_while_pages_listen_and_not_without(name: str, tmp_path: Path) -> None:
    way = WAYS[name]
    with served(way, tmp_path) as (servers, ledger):
        assert not ledger.file.exists()  # the app is there, and no page
        with pages(way, servers) as followers:
            wait_for_more(followers)
            runs = {channel: ledger.runs(channel) for channel in way.channels}
            assert {channel: len(each) for channel, each in runs.items()} == dict.fromkeys(
                way.channels, 1
            )
            wait_for_more(followers)
        closed_at = time.monotonic()
        for channel in way.channels:
            wait_for(lambda c=channel: is_over(ledger.runs(c)), "the end of the run", 10)
            ((run, written),) = ledger.runs(channel).items()
            assert written.has_ended or channel == "called"
            assert written.times[-1] < closed_at + LINGER + WITHIN
            first, *others = [each for each in followers if each._channel == channel]
            check_numbers(first.values, {run: written}, unsent=0)
            for other in others:  # it came later, and has all from then on
                numbers = heard(other.values)[run]
                assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_source_in_the_child_of_the_reloader_runs_once_and_again_after_a_change(
    tmp_path: Path,
) -> None:
    for module in ("sources.py", "recorder.py"):
        shutil.copy(APPS / module, tmp_path)
    ledger = Ledger(tmp_path / "ledger")
    settings = {"LEDGER": str(ledger.file)}
    log = tmp_path / "log"
    with Server("script", "sources", log, directory=tmp_path, settings=settings) as server:
        page = Follower(f"{server.url}/_pipe/", "plain")
        wait_for_more([page])
        ((first, run),) = ledger.runs("plain").items()
        (child,) = workers(server.pid)
        assert run.pid == child
        (tmp_path / "recorder.py").touch()
        wait_for(lambda: len(ledger.runs("plain")) == 2, "the run of the next child", 30)
        wait_for_more([page])
        page.leave()
        runs = ledger.runs("plain")
        (second,) = {*runs} - {first}
        assert runs[second].pid not in (child, server.pid)
        assert runs[first].has_ended
        check_numbers(page.values, runs, unsent=AFTER_GOODBYE)
        assert server.tracebacks() == []


def test_async_source_under_gevent_says_in_one_line_that_it_cannot_run(tmp_path: Path) -> None:
    way = WAYS["gevent"]
    with served(way, tmp_path) as ((server,), ledger):
        for _ in range(2):
            with PipeClient(f"{server.url}/") as page, PipeClient(f"{server.url}/") as other:
                page.subscribe("async")
                other.subscribe("plain")
                other.rows(1)  # whoever decides about the one has decided about the other
        lines = re.findall(r".*source asynchronous.*", server.log_text())
        assert len(lines) == 1
        assert "is async and can't run under gevent" in lines[0]
        assert ledger.runs("async") == {}
