"""A server under test, in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from child import Child, ProcessFailedError, running
from target import HERE, command, is_app


class Server:
    """A running server: its process is measured, and it sends on request."""

    def __init__(self, name: str, port: int, process: Child, sender: Child | None = None) -> None:
        self.name, self.port, self.process = name, port, process
        self.sender = sender
        said = self._ask("/bench/about") if is_app(name) else process.hear(f"{name} did not start")
        self.pid: int = said["pid"]
        self.about: str = said["about"]

    def send(self, count: int, rate: float) -> None:
        """Make it send `count` messages, `rate` a second; as fast as possible if it is 0."""
        if self.sender is None and is_app(self.name):
            self._ask(f"/bench/send?count={count}&rate={rate}")
        else:
            (self.sender or self.process).tell(f"{count} {rate}")

    def cpu(self) -> float:
        """Return the CPU seconds of the serving process, including ended threads."""
        return time.clock_gettime(~self.pid << 3 | 2)  # Linux: the CPU clock of another process

    def status(self, field: str) -> int:
        """Return a number from /proc: `VmRSS` (in KiB) or `Threads`."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)

    def _ask(self, path: str) -> dict[str, Any]:
        limit = time.monotonic() + 30
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            with suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
                connection.request("GET", path)
                response = connection.getresponse()
                if response.status == 200:
                    said: dict[str, Any] = json.loads(response.read())
                    return said
            connection.close()
            if self.process.ended or time.monotonic() > limit:
                raise self.process.failed(f"{self.name} does not answer")
            time.sleep(0.1)


def free_port() -> int:
    """Return a port of loopback that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def redis(port: int = 0) -> Iterator[str]:
    """Run a separate Redis server without data on disk while inside; yield its URL.

    That is a Unix socket; it listens on `port` of loopback too, if that is not 0.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "socket"
        where = ["--bind", "127.0.0.1", "--port", str(port), "--unixsocket", str(path)]
        options = [*where, "--save", "", "--dir", directory]
        with running(["redis-server", *options], stdout=DEVNULL) as process:
            limit = time.monotonic() + 10
            while not path.exists():
                if process.ended or time.monotonic() > limit:
                    raise ProcessFailedError("redis-server did not start")
                time.sleep(0.01)
            yield f"unix://{path}"


@contextmanager
def sending(environment: dict[str, str]) -> Iterator[Child]:
    """Run a process that sends on request, while inside."""
    with running([sys.executable, str(HERE / "sender.py")], env=environment) as process:
        process.hear("the sender did not start")
        yield process


@contextmanager
def serving(name: str, uvloop: bool = False) -> Iterator[Server]:
    """Run the server on a free port while inside."""
    environment = dict(os.environ)
    path = [str(HERE.parent), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    if name == "dash-pipe-uvicorn":
        environment["BENCH_BACKEND"] = "fastapi"
    if uvloop:
        environment["BENCH_UVLOOP"] = "1"
    with ExitStack() as stack:
        sender = None
        if name == "dash-pipe-redis":
            environment["DASH_PIPE_BROKER"] = stack.enter_context(redis())
            sender = stack.enter_context(sending(environment))
        log = stack.enter_context(tempfile.NamedTemporaryFile("w+", suffix=".log"))
        sock = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2048))
        output = {"stderr": log, **({"stdout": log} if is_app(name) else {})}
        fd = sock.fileno()
        options = {"pass_fds": [fd], "env": environment, **output}
        process = stack.enter_context(running(command(name, fd), Path(log.name), **options))
        port = sock.getsockname()[1]
        sock.close()  # so that a server that has ended is not taken for a slow one
        yield Server(name, port, process, sender)
