"""The deployments that are driven: two processes each, on Redis."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

from typing_extensions import Self

from drives.link import Link
from harness.process import open_files, workers
from harness.server import Server
from harness.wait import wait_for

ESTABLISHED = "01"
SIZE = 2  # processes
WORKERS = {"gthread": "gunicorn-gthread", "uvicorn": "uvicorn-two"}


class Served:
    """Two workers of a server, or two gateways; a context manager, running while inside.

    Clients come through `links`, one for each address.
    """

    def __init__(
        self, name: str, directory: Path, settings: Mapping[str, str], choice: random.Random
    ) -> None:
        if name in WORKERS:
            options = [f"--workers={SIZE}"]
            self._servers = [
                Server(WORKERS[name], "room", directory / "log", options=options, settings=settings)
            ]
        else:
            self._servers = [
                Server("gateway", "", directory / f"log-{number}", settings=settings)
                for number in range(SIZE)
            ]
        self._has_master = name in WORKERS
        self.links = [Link(server.port, choice) for server in self._servers]
        self.stopped: set[int] = set()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            for server, link in zip(self._servers, self.links, strict=True):
                stack.enter_context(server)
                stack.enter_context(link)
            self.wait()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for pid in list(self.stopped):
            self.resume(pid)
        self._stack.close()

    def pids(self) -> list[int]:
        """Return the ids of the processes that hold websockets."""
        if not self._has_master:
            running = [server._child for server in self._servers]  # another thread may restart it
            return [child.pid for child in running if child is not None]
        return workers(self._servers[0].pid)

    def wait(self) -> None:
        """Wait until all processes are there."""
        wait_for(lambda: len(self.pids()) == SIZE, "all processes to be there")

    def kill(self, pick: float) -> None:
        """Kill one process; a gateway is started again here, a worker by its master."""
        if self._has_master:
            pids = self.pids()
            if pids:
                _signal(pids[int(pick * len(pids))], signal.SIGKILL)
            return
        server = self._servers[int(pick * len(self._servers))]
        server.kill9()
        server.start()

    @contextlib.contextmanager
    def all_killed(self) -> Iterator[None]:
        """Kill all processes; they start again, gateways after this."""
        if self._has_master:
            for pid in self.pids():
                _signal(pid, signal.SIGKILL)
            yield
            return
        for server in self._servers:
            server.kill9()
        yield
        for server in self._servers:
            server.start()

    def stop(self, pick: float) -> int:
        """Stop one process; return its id."""
        pids = self.pids()
        pid = pids[int(pick * len(pids))] if pids else 0
        if pid:
            _signal(pid, signal.SIGSTOP)
            self.stopped.add(pid)
        return pid

    def resume(self, pid: int) -> None:
        """Let a stopped process run, if it is still there."""
        self.stopped.discard(pid)
        _signal(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def only(self, pid: int) -> Iterator[str]:
        """Have one process accept connections while inside; yield the address."""
        if not self._has_master:
            yield self._servers[self.pids().index(pid)].url
            return
        others = [each for each in self.pids() if each != pid]
        for each in others:
            _signal(each, signal.SIGSTOP)
        try:
            yield self._servers[0].url
        finally:
            for each in others:
                _signal(each, signal.SIGCONT)

    def owner(self, port: int) -> int:
        """Return the process that holds the connection from a local port; 0 if it is not found."""
        local = {server.port: server for server in self._servers}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            row = line.split()
            here, there = (int(row[column].partition(":")[2], 16) for column in (1, 2))
            if there == port and here in local and row[3] == ESTABLISHED:
                inode = f"socket:[{row[9]}]"
                return next((pid for pid in self.pids() if inode in open_files(pid)), 0)
        return 0

    def tracebacks(self) -> list[str]:
        """Return the tracebacks in the logs."""
        return [each for server in self._servers for each in server.tracebacks()]


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended
        os.kill(pid, number)
