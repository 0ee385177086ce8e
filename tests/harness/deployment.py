"""The deployment of examples/deploy with its files: nginx, gunicorn, the gateway, Redis."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from typing_extensions import Self

from harness.child import ChildError, start
from harness.environment import environment
from harness.nginx import Nginx, filled
from harness.port import Port
from harness.process import children, connections, stands_still
from harness.redis import RedisServer
from harness.server import (
    CURRENT_PYTHON,
    ROOT,
    Server,
    make_certificate,
)
from harness.wait import TIMEOUT, wait_for

EXAMPLE = ROOT / "examples" / "deploy"
SEND_TIMEOUT = {"DASH_PIPE_SEND_TIMEOUT": "30"}  # a sender waits while Redis restarts


def read_settings(file: Path) -> dict[str, str]:
    """Read a file of variables like systemd and the shell."""
    lines = [line for line in file.read_text().splitlines() if line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)


class Deployment:
    """The whole deployment on Redis; a context manager, running while inside.

    With `gateway` the gateway holds the websockets, otherwise gunicorn's workers.
    """

    def __init__(self, redis: RedisServer, directory: Path, *, gateway: bool) -> None:
        self.settings = read_settings(EXAMPLE / "dashboard.env")
        assert "DASH_PIPE_BROKER" in self.settings
        self.settings["DASH_PIPE_BROKER"] = redis.url
        self.path = self.settings["DASH_URL_BASE_PATHNAME"]
        self.app = Server(
            "gunicorn-configured",
            "app",
            directory / "app.log",
            directory=EXAMPLE,
            settings=self.settings,
        )
        self.gateway = Server(
            "gateway",
            "",
            directory / "gateway.log",
            options=["--prefix", self.path],
            settings=self.settings,
        )
        self.host = self.app.host
        self.running = [self.app, *([self.gateway] if gateway else [])]
        port, self._private_port = Port(), Port()
        self.private_port = self._private_port.number
        certificate = make_certificate(directory)
        config = filled(
            (EXAMPLE / "nginx.conf").read_text(),
            {
                "127.0.0.1:8000": f"127.0.0.1:{self.app.port}",
                "127.0.0.1:8060": f"127.0.0.1:{self.running[-1].port}",
                "127.0.0.1:8080": f"127.0.0.1:{self.private_port}",
                "listen 443 ssl": f"listen 127.0.0.1:{port.number} ssl",
                "/etc/ssl/dash.example.org.pem": certificate["certificate"],
                "/etc/ssl/dash.example.org.key": certificate["key"],
            },
        )
        self._nginx = Nginx(config, port, directory, "https")

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            for server in self.running:
                stack.enter_context(server)
            stack.enter_context(self._nginx)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """Return the address of the page."""
        return f"{self._nginx.url}{self.path}"

    @property
    def workers(self) -> list[int]:
        """Return gunicorn's workers; the one with the most connections comes first."""
        pids = children(self.app.pid)
        return sorted(pids, key=lambda pid: -connections(pid, self.app.port))

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the process that holds the websockets while inside."""
        pid = self.gateway.pid if self.gateway in self.running else self.workers[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_for(lambda: stands_still(pid), "it to stand still")
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def sender(self) -> "Sender":
        """Return a process that sends to the board."""
        return Sender({**self.settings, **SEND_TIMEOUT})

    def log_text(self) -> str:
        """Return the output of the servers."""
        return "\n".join(one.log_text() for one in self.running)

    def tracebacks(self) -> list[str]:
        """Return the tracebacks in their output."""
        return [each for one in self.running for each in one.tracebacks()]


class Sender:
    """`dash-pipe send board notice -`; a context manager, at whose end everything is sent."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = settings

    def __enter__(self) -> Self:
        self._process = start(
            [CURRENT_PYTHON, "-m", "dash_pipe", "send", "board", "notice", "-"],
            env=environment(self._settings),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self

    def say(self, *values: int) -> None:
        """Write notices to be sent in order; do not wait until they are."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.writelines(f"{value}\n" for value in values)
            self._process.stdin.flush()
        except BrokenPipeError:
            said = self._process.communicate(timeout=TIMEOUT)[1]
            status = self._process.returncode
            raise ChildError(f"the sender ended with status {status}:\n{said}") from None

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._process.kill()
        said = self._process.communicate(timeout=60)[1]
        assert kind is not None or (self._process.returncode, said) == (0, "")
