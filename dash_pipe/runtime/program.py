"""Hold what the program has declared, and tell it of pages that come and listen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from typing_extensions import Self


class Declared(Protocol):
    """Hold what the program has declared of a kind."""

    def copy(self) -> Self:
        """Return a copy, to which a test may add."""


D = TypeVar("D", bound=Declared)


class Program:
    """The declarations of a program, and its functions that watch who listens.

    Attributes:
        app_loop: the loop of the app, if it has one.
        watchers: called with a runtime and a channel when who listens there has changed, and with
            "" when the first page has come. From any thread; they must not wait.
        has_page: whether a page has come to this process.
    """

    def __init__(self) -> None:
        self.app_loop: AbstractEventLoop | None = None
        self.watchers: list[Callable[[Any, str], None]] = []
        self.has_page = False
        self._declared: dict[Callable[[], Declared], Declared] = {}

    def declared(self, make: Callable[[], D]) -> D:
        """Return the one object with what was declared of a kind; make it at first."""
        return cast(D, self._declared.setdefault(make, make()))

    def note_page(self, runtime: Any) -> None:
        """Note that a page has come to this process."""
        if not self.has_page:
            self.has_page = True
            self.tell(runtime, "")

    def tell(self, runtime: Any, channel: str) -> None:
        """Call the watchers."""
        for watcher in list(self.watchers):
            watcher(runtime, channel)

    def reset_after_fork(self) -> None:
        """In a forked child: keep the declarations. No page has come, and no loop runs."""
        self.has_page, self.app_loop = False, None

    def copy(self) -> Program:
        """Return the same declarations, for a runtime to which no page has come."""
        other = Program()
        other.watchers = list(self.watchers)
        other._declared = {make: each.copy() for make, each in self._declared.items()}
        return other
