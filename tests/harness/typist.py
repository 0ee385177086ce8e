"""A typist: carries out the steps of the docs in an empty folder, as a new user does."""

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from typing_extensions import Self

from harness.child import Child
from harness.distribution import CONSTRAINTS, run
from harness.environment import installing
from harness.port import Port
from harness.server import accepts, answers_http
from harness.typed import Command, File

# The commands that go on until somebody ends them: the port that the docs promise, and how to
# choose another.
SERVERS = {
    "python app.py": (8050, ""),  # Dash reads it in PORT
    "uvicorn": (8000, " --port={port}"),
    "daphne": (8000, " -p {port}"),
    "hypercorn": (8000, " --bind 127.0.0.1:{port}"),
    "gunicorn": (8000, " --bind 127.0.0.1:{port}"),
    "python manage.py runserver": (8000, " {port}"),
    "redis-server": (6379, " --port {port}"),
}
LIMIT = 240.0  # seconds for a command that ends: a slow machine installs slowly


class Typist:
    """A new user: an empty folder, a fresh environment, and a wheel for `pip install dash-pipe`.

    A context manager, which ends the servers and fails on a traceback in their logs. Servers get
    other ports than the docs promise, and so do the files and commands that name them. The releases
    of other packages are those of `constraints`.
    """

    def __init__(self, directory: Path, wheel: Path, constraints: str = "dev") -> None:
        self._venv = directory / "venv"
        self._constraints = CONSTRAINTS / f"{constraints}.txt"
        self._wheel = wheel
        self._logs = directory
        self._stack = ExitStack()
        self._ports: dict[int, Port] = {port: Port() for port, _ in SERVERS.values()}
        self.folder = directory / "empty"
        self.folder.mkdir()
        run(sys.executable, "-m", "venv", self._venv)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        for log in self._logs.glob("server-*.log"):
            assert "Traceback" not in (text := log.read_text(encoding="utf-8")), text

    def url(self, port: int) -> str:
        """Return where the server answers that the docs promise at a port."""
        return f"http://127.0.0.1:{self._ports[port].number}"

    def type(self, typed: Sequence[Command | File]) -> None:
        """Carry out the steps, in order."""
        for step in typed:
            if isinstance(step, File):
                self._write(step)
            elif server := server_of(step.line):
                self._serve(step.line, server)
            else:
                self.run(step.line)

    def run(self, line: str) -> str:
        """Run a command, which has to end well; return what it prints."""
        done = subprocess.run(
            ["bash", "-c", self._installing_wheel(self._moved(line))],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _write(self, step: File) -> None:
        path = self.folder / step.name
        path.parent.mkdir(parents=True, exist_ok=True)
        old = path.read_text(encoding="utf-8") if step.place != "all" else ""
        new = self._moved(step.text)
        text = f"{new}\n{old}" if step.place == "top" else f"{old}\n{new}" if old else new
        path.write_text(text, encoding="utf-8")

    def _serve(self, line: str, server: str) -> None:
        promised, option = SERVERS[server]
        port = self._ports[promised].number
        named = str(promised) in line
        command = self._moved(line) if named else line + option.format(port=port)
        log = self._logs / f"server-{server.split()[-1]}.log"
        environment = {**self._environment(), "PORT": str(port)}
        child = Child(server, ["bash", "-c", f"exec {command}"], log, environment, self.folder)
        self._stack.callback(child.end)
        child.wait_until(lambda: accepts(port) if promised == 6379 else answers_http(port))

    def _moved(self, text: str) -> str:
        """Return a text with the ports of this test."""
        for promised, port in self._ports.items():
            text = re.sub(rf"\b{promised}\b", str(port.number), text)
        return text

    def _installing_wheel(self, line: str) -> str:
        """Return a command with the wheel, and the releases of the other tests."""
        if not line.startswith("pip install "):
            return line
        wheel = self._wheel.as_uri()
        line = re.sub(
            r"(['\"]?)dash-pipe(\[[\w,]+\])?\1(?=\s|$)", rf"'dash-pipe\2 @ {wheel}'", line
        )
        quietly = "--quiet --disable-pip-version-check --no-compile"
        return f"{line} {quietly} --constraint {shlex.quote(str(self._constraints))}"

    def _environment(self) -> Mapping[str, str]:
        environment = installing()
        return {**environment, "PATH": f"{self._venv / 'bin'}:{environment['PATH']}"}


def server_of(line: str) -> str | None:
    """Return the server that a command starts, if it starts one."""
    return next((name for name in SERVERS if f"{line} ".startswith(f"{name} ")), None)
