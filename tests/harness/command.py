"""Runs of the command line, as processes."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from typing_extensions import Self

from harness.child import ChildError, start
from harness.environment import environment
from harness.wait import TIMEOUT


@contextmanager
def heeding_interrupts() -> Iterator[None]:
    """Make processes started inside react to SIGINT, which background jobs of a shell ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a child gets the default
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Command:
    """A run with open pipes; a context manager that ends it.

    `settings` are variables of its environment.
    """

    def __init__(
        self,
        *arguments: str,
        stdin: int = subprocess.DEVNULL,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        with heeding_interrupts():
            self.process = start(
                [sys.executable, "-m", "dash_pipe", *arguments],
                env=environment(settings),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def write(self, text: str) -> None:
        """Write to its input, at once."""
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def message(self) -> dict[str, Any]:
        """Wait for the next line of its output; return it, decoded from JSON."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            status, _, error = self.end()
            raise ChildError(f"the command ended with status {status}:\n{error}")
        message: dict[str, Any] = json.loads(line)
        return message

    def note(self) -> str:
        """Wait for the next line of its standard error, and return it."""
        assert self.process.stderr is not None
        return str(self.process.stderr.readline()).rstrip("\n")

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; return the exit code, and the rest of output and error."""
        out, err = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, out, err


def run(*arguments: str, settings: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run to the end; return exit code, output and error."""
    with Command(*arguments, settings=settings) as command:
        return command.end()
