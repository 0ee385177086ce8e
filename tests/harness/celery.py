"""A Celery worker of an example, as its README starts it."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from typing_extensions import Self

from harness.server import CURRENT_PYTHON, STOP_TIMEOUT, environment


class CeleryWorker:
    """`celery -A <app> worker` in a directory; a context manager, running while inside."""

    def __init__(self, app: str, directory: Path, log: Path, settings: Mapping[str, str]) -> None:
        self._app = app
        self._directory = directory
        self._log = log
        self._settings = settings

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [CURRENT_PYTHON, *f"-W ignore -m celery -A {self._app} worker -c 2".split()],
                cwd=self._directory,
                env={**environment(os.environ, 0), **self._settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that its processes can be ended with it
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT)
        with contextlib.suppress(ProcessLookupError):  # the whole group is gone already
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_TIMEOUT)
