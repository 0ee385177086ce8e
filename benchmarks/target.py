"""Servers under test and their listeners, each in processes of their own."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NEEDS = {
    "dash-pipe": ("dash_pipe", "dash", "gunicorn"),
    "dash-pipe-dev": ("dash_pipe", "dash"),
    "dash-pipe-redis": ("dash_pipe", "dash", "gunicorn", "redis"),
    "websockets": ("websockets",),
    "picows": ("picows",),
    "websockets-threaded": ("websockets",),
    "picows-threaded": ("picows",),
    "dash-pipe-uvicorn": ("dash_pipe", "dash", "fastapi", "uvicorn"),
    "queues": ("uvicorn",),
    "queues-threaded": ("uvicorn",),
    "bare": ("uvicorn",),
    "dash-pipe-endpoint": ("dash_pipe", "uvicorn"),
}


def missing(name: str) -> list[str]:
    """What would have to be installed before `name` can be measured."""
    if str(HERE.parent) not in sys.path:
        sys.path.append(str(HERE.parent))
    absent = [module for module in NEEDS[name] if find_spec(module) is None]
    if name.endswith("-redis") and shutil.which("redis-server") is None:
        absent.append("redis-server")
    return absent


def is_pipe(name: str) -> bool:
    """Whether the server is dash-pipe, so that its listeners speak its protocol."""
    return name.startswith("dash-pipe")


def is_app(name: str) -> bool:
    """Whether the server is a Dash app, which is spoken to over HTTP, and not by its pipes."""
    return is_pipe(name) and name != "dash-pipe-endpoint"


class ProcessFailedError(Exception):
    """A server or a client did not do its part; the text is what it said."""


class Server:
    """A running server: its process can be looked at, and it can be told to send."""

    def __init__(
        self,
        name: str,
        port: int,
        process: subprocess.Popen[str],
        log: Path,
        sender: subprocess.Popen[str] | None = None,
    ) -> None:
        self.name, self.port, self.process, self.log = name, port, process, log
        self.sender = sender
        said = self._ask("/bench/about") if is_app(name) else self._line()
        self.pid: int = said["pid"]
        self.about: str = said["about"]

    def send(self, count: int, rate: float) -> None:
        """Have it begin to send `count` messages, `rate` a second or (0) as fast as they go."""
        if self.sender is not None:
            assert self.sender.stdin is not None
            self.sender.stdin.write(f"{count} {rate}\n")
            self.sender.stdin.flush()
        elif is_app(self.name):
            self._ask(f"/bench/send?count={count}&rate={rate}")
        else:
            assert self.process.stdin is not None
            self.process.stdin.write(f"{count} {rate}\n")
            self.process.stdin.flush()

    def cpu(self) -> float:
        """Seconds of CPU of the serving process, its ended threads included."""
        return time.clock_gettime(~self.pid << 3 | 2)  # Linux: the CPU clock of another process

    def status(self, field: str) -> int:
        """A number out of /proc: `VmRSS` (in KiB) or `Threads`."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-12:])

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise ProcessFailedError(f"{self.name} did not start:\n{self._last_words()}")
        said: dict[str, Any] = json.loads(line)
        return said

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
            if self.process.poll() is not None or time.monotonic() > limit:
                raise ProcessFailedError(f"{self.name} does not answer:\n{self._last_words()}")
            time.sleep(0.1)


def command(name: str, fd: int) -> list[str]:
    """How the server is started on the listening socket `fd`."""
    if name in ("dash-pipe", "dash-pipe-redis"):
        return [
            sys.executable,
            "-m",
            "gunicorn",
            "deployment:server",
            "--chdir",
            str(HERE),
            "--bind",
            f"fd://{fd}",
            "--worker-class",
            "sync",
            "--workers",
            "1",
        ]
    if name == "dash-pipe-uvicorn":
        quiet = ["--no-access-log", "--ws-per-message-deflate", "false"]
        where = ["--app-dir", str(HERE), "--fd", str(fd)]
        return [sys.executable, "-m", "uvicorn", "deployment:server", *where, *quiet]
    if name == "dash-pipe-dev":
        return [sys.executable, str(HERE / "deployment.py"), str(fd)]
    return [sys.executable, str(HERE / "reference.py"), name, "--fd", str(fd)]


def end(process: subprocess.Popen[str]) -> None:
    """Ask the process to end, and make it after ten seconds."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


@contextmanager
def redis() -> Iterator[str]:
    """Start a Redis server of our own, which keeps nothing on disk, and end it; yields its URL."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "socket"
        options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", directory]
        process = subprocess.Popen(["redis-server", *options], text=True, stdout=subprocess.DEVNULL)
        try:
            limit = time.monotonic() + 10
            while not path.exists():
                if process.poll() is not None or time.monotonic() > limit:
                    raise ProcessFailedError("redis-server did not start")
                time.sleep(0.01)
            yield f"unix://{path}"
        finally:
            end(process)


@contextmanager
def sending(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start a process that sends when it is told to, and end it."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "sender.py")],
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise ProcessFailedError("the sender did not start")
        yield process
    finally:
        end(process)


@contextmanager
def serving(name: str, uvloop: bool = False) -> Iterator[Server]:
    """Start the server on a free port, and end it."""
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
        process = subprocess.Popen(
            command(name, sock.fileno()),
            pass_fds=[sock.fileno()],
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stderr=log,
            stdout=log if is_app(name) else subprocess.PIPE,
        )
        stack.callback(end, process)
        port = sock.getsockname()[1]
        sock.close()  # so that a server that has died is not mistaken for a slow one
        yield Server(name, port, process, Path(log.name), sender)


class Listeners:
    """Raw websocket clients in one process or several."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self.processes = processes

    def begin(self, **order: object) -> None:
        """Have them collect; see `Crowd.collect` in listeners.py for what can be ordered."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()

    def answers(self) -> list[dict[str, Any]]:
        """A line from each process; waits for it."""
        said = []
        for process in self.processes:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise ProcessFailedError("a client process ended before its answer")
            said.append(json.loads(line))
        return said


@contextmanager
def listening(server: Server, count: int, processes: int = 1) -> Iterator[Listeners]:
    """Open `count` listeners, shared among `processes`; closed at the end."""
    with ExitStack() as stack:
        started = []
        for i in range(processes):
            share = count // processes + (i < count % processes)
            arguments = ["--port", str(server.port), "--count", str(share)]
            process = subprocess.Popen(
                [
                    sys.executable,
                    str(HERE / "listeners.py"),
                    *arguments,
                    *(["--pipe"] if is_pipe(server.name) else []),
                ],
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            stack.callback(end, process)
            started.append(process)
        listeners = Listeners(started)
        listeners.answers()
        yield listeners
