"""Log each warning about this process once, above all that messages can't reach every browser.

Nothing is guessed: a server reports multiple workers, or its command line asks for them; a process
that sends has no app with an endpoint.
"""

from __future__ import annotations

import atexit
import logging
import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

GRACE_SECONDS = (
    5.0  # a sender that has no endpoint this many seconds after its first message is warned
)

SERVERS = {"gunicorn", "uvicorn", "hypercorn"}
QUEUES = {"celery", "rq", "dramatiq", "huey_consumer"}  # their workers serve no pages
REMEDY = (
    "Use one broker for all processes: set DASH_PIPE_BROKER=redis://localhost:6379/0 in the "
    'environment of each (pip install "dash-pipe[redis]"; see docs/brokers.md)'
)

logger = logging.getLogger("dash_pipe")


def workers(argv: Sequence[str], environ: Mapping[str, str], config: Any = None) -> int:
    """Return how many worker processes the server was told to run; 1 by default.

    Args:
        argv: the command line.
        environ: the environment.
        config: the config that uvicorn and hypercorn pass to each worker.
    """
    if config is not None:
        alone = getattr(config, "should_reload", False)
        count = getattr(config, "workers", None)
        return count if isinstance(count, int) and not alone else 1
    program = _program(argv)
    if program not in SERVERS or "--reload" in argv:
        return 1
    words = [*argv[1:]]
    if program == "gunicorn":
        words = [*shlex.split(environ.get("GUNICORN_CMD_ARGS", "")), *words]
    found = environ.get("WEB_CONCURRENCY", "1")
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in ("-w", "--workers"):
            found = following
        elif word.startswith("--workers="):
            found = word.partition("=")[2]
        elif word.startswith("-w") and word[2:].isdigit():
            found = word[2:]
    return int(found) if found.isdigit() else 1


def _program(argv: Sequence[str]) -> str:
    """Return the name of the program, also if it runs as ``python -m``."""
    path = PurePath(argv[0]) if argv else PurePath()
    return path.parent.name if path.stem == "__main__" else path.stem


def _config() -> Any:
    """Return the config that uvicorn or hypercorn passed to this process, if it is a worker."""
    multiprocessing = sys.modules.get("multiprocessing")  # imported in each of their workers
    if multiprocessing is None:
        return None
    return getattr(multiprocessing.current_process(), "_kwargs", {}).get("config")


class Diagnostics:
    """Track whether this process serves browsers and sends; log each warning once.

    A forked child keeps its copy: it has the parent's apps, and its warnings are logged already.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._has_endpoint = False
        self._first: tuple[int, float] | None = None  # the process that sent first, and when
        self._has_warned = False
        self._warnings: set[str] = set()

    def warn_once(self, text: str) -> None:
        """Log a warning, unless the same text was logged before."""
        if text not in self._warnings:
            self._warnings.add(text)
            logger.warning(text)

    def has_endpoint(self) -> None:
        """Note that this process has an app that browsers may connect to."""
        self._has_endpoint = True

    # The rest is called only if the broker keeps messages in the memory of the process.

    def serves(self, *, multiprocess: bool = False) -> None:
        """Note that a browser has connected; ``multiprocess``: to one of several processes."""
        self._has_endpoint = True
        if multiprocess or workers(sys.argv, os.environ, _config()) > 1:
            self._warn(
                "this server runs multiple workers (processes), and each keeps its messages in its "
                "own memory: a browser receives only the messages sent by the worker that it is "
                "connected to"
            )

    def sends(self) -> None:
        """Note that a message was sent."""
        if self._has_warned or "PYTEST_VERSION" in os.environ:
            return
        now, pid = self._clock(), os.getpid()
        if self._first is None or self._first[0] != pid:
            self._first = (pid, now)
            atexit.register(self.judge)
        elif now >= self._first[1] + GRACE_SECONDS:
            self.judge()

    def judge(self) -> None:
        """Warn if no browser can ever receive the messages of this process."""
        if self._first is None or self._first[0] != os.getpid():
            return
        if self._has_endpoint and _program(sys.argv) not in QUEUES:
            return
        self._warn(
            "this process sends messages, but no browser can receive them: it serves no Dash app, "
            "and it keeps the messages in its own memory, which no other process can read"
        )

    def copy(self) -> Diagnostics:
        """Return the diagnostics of the same apps, with no message sent and nothing logged yet."""
        other = Diagnostics(self._clock)
        other._has_endpoint = self._has_endpoint
        return other

    def end(self) -> None:
        """Stop: do not warn when the process ends."""
        atexit.unregister(self.judge)

    def _warn(self, problem: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning("dash-pipe: %s. %s.", problem, REMEDY)
