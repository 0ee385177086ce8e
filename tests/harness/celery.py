"""A Celery worker of an example, as its README starts it."""

from collections.abc import Mapping
from pathlib import Path

from typing_extensions import Self

from harness.child import Child
from harness.environment import environment
from harness.server import CURRENT_PYTHON


class CeleryWorker:
    """`celery -A <app> worker` in a directory; a context manager, running while inside."""

    def __init__(self, app: str, directory: Path, log: Path, settings: Mapping[str, str]) -> None:
        self._app = app
        self._directory = directory
        self._log = log
        self._settings = settings

    def __enter__(self) -> Self:
        arguments = f"-W ignore -m celery -A {self._app} worker -c 2 --loglevel INFO"
        self._child = Child(
            "celery",
            [CURRENT_PYTHON, *arguments.split()],
            self._log,
            environment(self._settings),
            self._directory,
        )
        self._child.wait_until(lambda: " ready." in self._child.log_text())
        return self

    def __exit__(self, *_: object) -> None:
        self._child.end()
