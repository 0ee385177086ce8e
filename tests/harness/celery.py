"""A Celery worker of an example, started as in its README."""

from collections.abc import Mapping
from pathlib import Path

from harness.child import Child, Service
from harness.environment import environment
from harness.server import CURRENT_PYTHON


class CeleryWorker(Service):
    """`celery -A <app> worker` in a directory."""

    def __init__(self, app: str, directory: Path, log: Path, settings: Mapping[str, str]) -> None:
        self._app = app
        self._directory = directory
        self._log = log
        self._settings = settings

    def start(self) -> None:
        """Start the worker; return as soon as it takes tasks."""
        arguments = f"-W ignore -m celery -A {self._app} worker -c 2 --loglevel INFO"
        self._child = Child(
            "celery",
            [CURRENT_PYTHON, *arguments.split()],
            self._log,
            environment(self._settings),
            self._directory,
        )
        self.child.wait_until(lambda: " ready." in self.child.log_text())
