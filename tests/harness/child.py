"""Processes under test: start them, wait until they are ready, watch them, end them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from typing_extensions import Self

from harness import wait

START_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0
LOG_END = 4000  # characters of a log that are shown when a test fails

# The kernel ends our children if we are killed. A small program requests it, since Python code
# between fork and exec is not safe in a process with threads.
SETPRIV = shutil.which("setpriv")
ENDS_WITH_US = (SETPRIV, "--pdeathsig", "TERM", "--") if SETPRIV else ()

# The kernel ends a child when the thread that started it ends: this thread stays.
_starter = ThreadPoolExecutor(1, "children")


def start(command: Sequence[str], env: Mapping[str, str], **options: Any) -> subprocess.Popen[Any]:
    """Start a process that ends with this one; `options` are arguments of Popen."""

    def popen() -> subprocess.Popen[Any]:
        return subprocess.Popen([*ENDS_WITH_US, *command], env=env, **options)

    return _starter.submit(popen).result()


class ChildError(AssertionError):
    """A process did not start, or ended though it should run. The text ends with its log."""


class Child:
    """A process with its own session, so that its children end with it.

    Its output is appended to `log`. If it ends unexpectedly, every wait of a test (harness/wait.py)
    fails at once, with the exit status and the log.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str],
        directory: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = start(
                command,
                cwd=directory,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._is_over = False
        wait.checks[self] = self.check

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    def log_text(self) -> str:
        """Return all its output so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def check(self) -> None:
        """Fail if it has ended unexpectedly."""
        status = self._process.poll()
        if status is not None and self in wait.checks:
            raise ChildError(f"{self.name} ended with status {status}:\n{self.log_text()}")

    def expect_end(self) -> None:
        """Note that its end is expected, and no failure."""
        wait.checks.pop(self, None)

    def wait_until(self, ready: Callable[[], object], timeout: float = START_TIMEOUT) -> None:
        """Wait until it is ready. If it ends before or times out, end it and fail with its log."""
        try:
            wait.wait_for(ready, f"{self.name} to be up", timeout)
        except ChildError:
            self.kill9()
            raise
        except AssertionError as error:
            self.kill9()
            raise ChildError(f"{error}\n{self.log_text()}") from None

    def end(self) -> None:
        """End it with SIGTERM, and by force if it does not react.

        Fail if it had ended before.
        """
        try:
            self.check()
            self.expect_end()
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT)
        finally:
            self.kill9()

    def kill9(self) -> None:
        """End it and its children at once, without any cleanup."""
        self.expect_end()
        if self._is_over:  # another process may have its id by now
            return
        self._is_over = True
        with contextlib.suppress(ProcessLookupError):  # the whole group is gone already
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(wait.TIMEOUT)

    def send_signal(self, number: int) -> None:
        """Send a signal that does not end it."""
        self._process.send_signal(number)


class Service:
    """A process that can be restarted; a context manager, running while inside.

    A subclass starts a `Child` and sets `_child`.
    """

    _child: Child | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._child is not None:  # pytest shows it below the failure
            end = self._child.log_text()[-LOG_END:]
            sys.stdout.write(f"The end of the log of {self._child.name}: {end}\n")
        self.stop()

    @property
    def child(self) -> Child:
        """Return the process, which must be running."""
        assert self._child is not None, f"{type(self).__name__} is not running"
        return self._child

    def start(self) -> None:
        """Start the process; return as soon as it is ready."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the process with SIGTERM, and by force if it does not react."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def kill9(self) -> None:
        """End the process and its workers at once, without any cleanup."""
        child, self._child = self._child, None
        if child is not None:
            child.kill9()

    def restart(self) -> None:
        """Stop, and start again."""
        self.stop()
        self.start()
