"""A process of the benchmark's own: it is told and says things by lines, and is ended."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class ProcessFailedError(Exception):
    """A server or a client did not do its part; the text is what it said."""


class Child:
    """A running process; `log` is where its errors go, if not to those of the benchmark."""

    def __init__(self, process: subprocess.Popen[str], log: Path | None) -> None:
        self.process = process
        self._log = log

    @property
    def ended(self) -> bool:
        """Whether it runs no more."""
        return self.process.poll() is not None

    def tell(self, line: str) -> None:
        """Write a line to its input."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self, otherwise: str) -> dict[str, Any]:
        """The next line of its output, as JSON; waits for it. An error if it ended instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise self.failed(otherwise)
        said: dict[str, Any] = json.loads(line)
        return said

    def failed(self, why: str) -> ProcessFailedError:
        """The error that says so, with the last lines of the log."""
        lines = self._log.read_text().splitlines()[-12:] if self._log else []
        return ProcessFailedError("\n".join([why, *lines]))


@contextmanager
def running(command: Sequence[str], log: Path | None = None, **options: Any) -> Iterator[Child]:
    """A process while inside, with a pipe to its input and, unless told otherwise, its output.

    It is asked to end, and made to after ten seconds.
    """
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **options}
    process = subprocess.Popen(command, text=True, **options)
    try:
        yield Child(process, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
