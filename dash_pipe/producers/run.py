"""Run a source once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ..runtime import Runtime

if TYPE_CHECKING:
    from .publisher import Publisher
    from .source import Source


class Run:
    """One run of a source; see ``ThreadRun`` and ``LoopRun``.

    Args:
        runtime: the runtime.
        source: the source.
        values: the variables of the channel.
        publisher: sends what the source yields; closed when the run has to end.
        ended: called at the end.

    Attributes:
        error: the exception that it has raised.
        has_ended: its function has returned, or was closed.
    """

    def __init__(
        self,
        runtime: Runtime,
        source: Source,
        values: dict[str, str],
        publisher: Publisher,
        ended: Callable[[], None],
    ) -> None:
        self.error: BaseException | None = None
        self.has_ended = False
        self._runtime = runtime
        self._name = source.name
        self._every = source.every
        self._call = partial(source.function, **values)
        self._publisher = publisher
        self._ended = ended

    def start(self) -> None:
        """Start it. Never waits."""
        raise NotImplementedError

    def stop(self) -> None:
        """Have it end soon. Never waits."""
        self._publisher.closed.set()

    def abandon(self) -> None:
        """Have it send nothing any more. Never waits."""
        self._publisher.abandoned.set()
