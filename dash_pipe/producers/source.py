"""Declare a source: a function that produces the messages of a channel."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from .. import runtime
from ..errors import SourceError
from ..protocol import COMMAND_CHANNEL, MAX_NAME, is_name
from .channel_pattern import ChannelPattern
from .producers import watch
from .sources import Sources

LINGER = 10.0  # seconds that a source goes on by default after the last browser has gone

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False)
class Source:
    """A source: what it is called, where its messages go, and when it runs.

    Attributes:
        pattern: of its channels.
        label: the label of its messages; None if the function yields pairs of label and value.
        function: the function.
        every: seconds between two calls of the function; None if it is a generator.
        linger: seconds that it goes on after the last browser has gone.
        always: it runs without browsers, too.
    """

    pattern: ChannelPattern
    label: str | None
    function: Callable[..., Any]
    every: float | None
    linger: float
    always: bool

    @property
    def name(self) -> str:
        """The function's name, for log lines."""
        return getattr(self.function, "__name__", repr(self.function))

    @property
    def is_async(self) -> bool:
        """True if it runs on an event loop."""
        return inspect.isasyncgenfunction(self.function) or inspect.iscoroutinefunction(
            self.function
        )

    @property
    def key(self) -> tuple[str, str | None]:
        """The channel and the label, which no other source has."""
        return self.pattern.text, self.label

    def replaces(self, other: Source) -> bool:
        """Return whether it is the same function, defined again: imported twice, or in a notebook.

        A module that runs as ``__main__`` may be imported under its name, too.
        """
        mine, others = self.function, other.function
        places = [inspect.unwrap(each).__code__ for each in (mine, others)]
        if len({(code.co_filename, code.co_firstlineno) for code in places}) == 1:
            return True
        return (mine.__module__, mine.__qualname__) == (others.__module__, others.__qualname__)


def source(
    channel_name: str,
    *,
    label: str | None = None,
    every: float | None = None,
    linger: float = LINGER,
    always: bool = False,
) -> Callable[[F], F]:
    """Have a function produce the messages of a channel, while a browser listens for them.

    It runs in exactly one of the processes that share a broker, and in another if that one dies;
    with messages in memory, in each process for its own browsers. docs/producers.md says more.

    The function is a generator that yields values, or a function that returns one and is called
    ``every`` so many seconds; both may be async. ``dash.no_update`` sends nothing.

    Args:
        channel_name: the channel, or a pattern such as ``"ticker-{symbol}"``: then each channel
            that matches and has listeners has a run of its own, whose function gets ``symbol``.
        label: the label. Without it the values are pairs: a label, a value.
        every: seconds between two calls; for functions that return.
        linger: seconds that it goes on after the last browser has gone.
        always: run it from the first page of the app on, whether or not a browser listens.

    Returns:
        A decorator that returns the function itself.

    Raises:
        SourceError: an argument is wrong, the function does not fit, or there is another.
    """

    def declare(function: F) -> F:
        _declare(Source(_pattern(channel_name), label, function, every, linger, always))
        return function

    return declare


def _declare(made: Source) -> None:
    _check(made)
    current = runtime.current()
    sources = current.program.declared(Sources)
    sources.add(made)
    watch(current, sources)


def _pattern(channel_name: object) -> ChannelPattern:
    if not is_name(channel_name) or channel_name == COMMAND_CHANNEL:
        reason = f"expected a channel of 1 to {MAX_NAME} characters, got {channel_name!r:.100}"
        raise SourceError(reason)
    try:
        return ChannelPattern(channel_name)
    except ValueError as error:
        raise SourceError(
            f"expected a channel or a pattern, got {channel_name!r}: {error}"
        ) from None


def _check(made: Source) -> None:
    """Check what can be checked before the first run.

    Raises:
        SourceError: see ``source``.
    """
    where = f"source {made.name} of {made.pattern.text!r}"
    if not callable(made.function):
        raise SourceError(f"expected a function to decorate, got {made.function!r:.100}")
    if made.label is not None and not is_name(made.label):
        raise SourceError(f"{where}: label: expected 1 to {MAX_NAME} characters")
    if made.every is not None and not _is_seconds(made.every, 0.001):
        raise SourceError(f"{where}: every: expected seconds, 0.001 at least, got {made.every!r}")
    if not _is_seconds(made.linger, 0.0):
        raise SourceError(f"{where}: linger: expected seconds, got {made.linger!r}")
    if made.always and made.pattern.names:
        raise SourceError(f"{where}: always=True needs a channel without variables")
    function = made.function
    yields = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    if yields and made.every is not None:
        raise SourceError(f"{where}: it yields, so it takes no every=; sleep between two values")
    if not yields and made.every is None:
        raise SourceError(
            f"{where}: expected a generator (a function that yields values), or every=1.0 to call "
            "it once a second"
        )
    try:
        inspect.signature(function).bind(**dict.fromkeys(made.pattern.names, ""))
    except TypeError as error:
        names = ", ".join(made.pattern.names) or "none"
        raise SourceError(
            f"{where}: the function has to take the variables of the pattern ({names}) and nothing "
            f"else: {error}"
        ) from None


def _is_seconds(value: object, least: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= least
