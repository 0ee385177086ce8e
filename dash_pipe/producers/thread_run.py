"""Run a source in a thread of its own."""

from __future__ import annotations

import threading
import time
from contextlib import closing

from .app_context import app_context
from .run import Run


class ThreadRun(Run):
    """A run in a thread, which looks at its publisher after each value."""

    def start(self) -> None:
        """Start the thread; see ``Run``."""
        name = f"dash-pipe source {self._name}"
        try:
            threading.Thread(target=self._run, name=name, daemon=True).start()
        except RuntimeError as error:  # the system has no more
            self.error, self.has_ended = error, True

    def _run(self) -> None:
        try:
            if self._every is None:
                self._iterate()
            else:
                self._repeat(self._every)
        except BaseException as error:
            self.error = error
        finally:
            self.has_ended = True
            self._ended()

    def _iterate(self) -> None:
        with app_context(self._runtime), closing(self._call()) as values:
            for value in values:
                self._publisher.send(value)
                if self._publisher.closed.is_set():
                    return

    def _repeat(self, every: float) -> None:
        due = time.monotonic()
        while not self._publisher.closed.is_set():
            with app_context(self._runtime):
                value = self._call()
            self._publisher.send(value)
            now = time.monotonic()
            due = max(due + every, now)
            self._publisher.closed.wait(due - now)
