"""A process of the benchmark: it reads and writes lines, and ends with its context."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class ProcessFailedError(Exception):
    """A server or a client failed; the text is its output."""


class Child:
    """A running process; its errors go to `log` or, by default, to those of the benchmark."""

    def __init__(self, process: subprocess.Popen[str], log: Path | None) -> None:
        self.process = process
        self._log = log

    @property
    def ended(self) -> bool:
        """Return whether the process has ended."""
        return self.process.poll() is not None

    def tell(self, line: str) -> None:
        """Write a line to its input."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self, otherwise: str) -> dict[str, Any]:
        """Wait for the next line of its output; return it, decoded from JSON.

        Raises:
            ProcessFailedError: the process ended instead.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise self.failed(otherwise)
        said: dict[str, Any] = json.loads(line)
        return said

    def failed(self, why: str) -> ProcessFailedError:
        """Return the error, with the last lines of the log."""
        lines = self._log.read_text().splitlines()[-12:] if self._log else []
        return ProcessFailedError("\n".join([why, *lines]))


@contextmanager
def running(command: Sequence[str], log: Path | None = None, **options: Any) -> Iterator[Child]:
    """Run a process while inside, with a pipe to its input and, by default, its output.

    At the end it is terminated, and killed after ten seconds.
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
