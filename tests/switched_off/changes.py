"""Changes of the source of one symbol: a function, a method, a class.

A change searches for its expression or statement in the parsed source, so layout and comments do
not matter. It must find exactly one place.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Replace:
    """Replace an expression or a statement."""

    was: str
    now: str


@dataclass(frozen=True)
class Skip:
    """Remove the statement that calls ``name`` or assigns to it."""

    name: str


@dataclass(frozen=True)
class Body:
    """Replace the body of a function. An empty one returns at once."""

    now: str = ""


Change = Replace | Skip | Body


class EditError(Exception):
    """A change does not fit the source."""
