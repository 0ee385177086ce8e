"""Keep the sources that were declared."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..errors import SourceError

if TYPE_CHECKING:
    from .source import Source


class Sources:
    """The sources that were declared, in their order. Any thread may call it.

    Attributes:
        is_watching: the runtime tells of browsers that come and go.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sources: dict[tuple[str, str | None], Source] = {}
        self.is_watching = False

    def copy(self) -> Sources:
        """Return a copy; see ``Declared``."""
        other = Sources()
        other._sources, other.is_watching = dict(self._sources), self.is_watching
        return other

    def add(self, source: Source) -> None:
        """Add a source; replace one that is the same function.

        Raises:
            SourceError: another function is the source of this channel and label.
        """
        with self._lock:
            other = self._sources.get(source.key)
            if other is not None and not source.replaces(other):
                raise SourceError(
                    f"source {source.name} of {source.pattern.text!r}: this channel has a source "
                    f"for the label {source.label!r} already: {other.function.__module__}."
                    f"{other.name}; expected one for each channel and label"
                )
            self._sources[source.key] = source

    def has(self, source: Source) -> bool:
        """Return whether a source is there, and was not replaced."""
        return self._sources.get(source.key) is source

    def of(self, channel: str) -> list[tuple[Source, dict[str, str]]]:
        """Return the sources of a channel, with the values of their variables."""
        with self._lock:
            sources = list(self._sources.values())
        found = [(source, source.pattern.match(channel)) for source in sources]
        return [(source, values) for source, values in found if values is not None]

    def always(self) -> list[Source]:
        """Return the sources that run without browsers."""
        with self._lock:
            return [source for source in self._sources.values() if source.always]
