"""Runs of the command line, as processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from typing_extensions import Self

from harness.server import environment
from harness.wait import TIMEOUT


def heed_interrupts() -> None:
    """In the child: a shell that started the tests in the background has it ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Command:
    """A run, its pipes open; a context manager that ends it.

    `settings` are variables of its environment.
    """

    def __init__(
        self,
        *arguments: str,
        stdin: int = subprocess.DEVNULL,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dash_pipe", *arguments],
            env={**environment(os.environ, 0), **(settings or {})},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_interrupts,
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
        """The next line of its output, as JSON; waits for it."""
        assert self.process.stdout is not None
        message: dict[str, Any] = json.loads(self.process.stdout.readline())
        return message

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; return the exit code, and what is left of output and error."""
        out, err = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, out, err


def run(*arguments: str, settings: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run to the end; return the exit code, output and error."""
    with Command(*arguments, settings=settings) as command:
        return command.end()
