"""Two servers on one Redis that could run a source: the one that does, and the other."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.follower import Follower
from harness.ledger import Ledger, LedgerRun, check_numbers
from harness.process import stands_still, workers
from harness.proxy import Proxy
from harness.redis import RedisServer
from harness.server import Server
from harness.wait import wait_for


@dataclass(frozen=True)
class Machine:
    """A server, its way to Redis, and a listener that is connected to it."""

    server: Server
    link: Proxy
    follower: Follower

    @property
    def pids(self) -> list[int]:
        """Return the processes that may run sources."""
        return workers(self.server.pid) or [self.server.pid]

    def check(self, runs: Mapping[str, LedgerRun], unsent: int) -> None:
        """Check that its listener has heard all of the runs once; see ``check_numbers``."""
        check_numbers(self.follower.values, runs, unsent, is_late=True)
        assert self.follower.gaps == 0

    def stop(self) -> None:
        """Stop its processes, as a suspended machine."""
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: all(map(stands_still, self.pids)), "the processes to be stopped")

    def resume(self) -> None:
        """Let them go on."""
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)

    def cut(self) -> None:
        """Cut it from Redis until ``link.allow()``."""
        self.link.refuse()
        self.link.cut()


@dataclass(frozen=True)
class Machines:
    """The machine that runs the source, the other one, and what the source writes down."""

    holder: Machine
    other: Machine
    redis: RedisServer
    channel: str
    ledger: Ledger

    @property
    def first(self) -> str:
        """Return the id of the first run."""
        return next(iter(self.runs()))

    def runs(self) -> dict[str, LedgerRun]:
        """Return the runs so far."""
        return self.ledger.runs(self.channel)

    def wait_for_next_run(self, timeout: float) -> tuple[str, float]:
        """Wait until the other machine's listener hears another run; return it, and when."""
        heard, first = self.other.follower, self.first
        wait_for(lambda: heard.values[-1][0] != first, "the next run", timeout)
        found = zip(heard.values, heard.times, strict=False)  # there may be more values by now
        return next((run, at) for (run, _), at in found if run != first)

    def wait_for_more(self, *followers: Follower) -> None:
        """Wait until listeners have heard what was yielded until now, and some more."""
        run, written = self.ledger.newest(self.channel)
        last = [run, written.numbers + 10]
        for each in followers:
            wait_for(lambda f=each: last in f.values, f"message {last}", 30)  # type: ignore[misc]


@contextmanager
def machines(
    host: str,
    channel: str,
    directory: Path,
    *options: str,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Machines]:
    """Serve the app of sources on two machines. The first to have a listener runs the source."""
    ledger = Ledger(directory / "ledger")
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(directory / "redis"))
        found = []
        for number in range(2):
            link = stack.enter_context(Proxy(redis.port))
            server = Server(
                host,
                "sources",
                directory / f"log-{number}",
                options=options,
                settings={
                    "LEDGER": str(ledger.file),
                    "DASH_PIPE_BROKER": f"redis://127.0.0.1:{link.port}/0",
                    **(settings or {}),
                },
            )
            stack.enter_context(server)
            follower = Follower(f"{server.url}/_pipe/", channel)
            stack.callback(follower.leave)
            wait_for(lambda f=follower: len(f.values) > 10, "the first messages")  # type: ignore[misc]
            found.append(Machine(server, link, follower))
        made = Machines(found[0], found[1], redis, channel, ledger)
        ((_, run),) = made.runs().items()
        assert run.pid in made.holder.pids
        yield made
