"""What a forked child does about what it got of its parent."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_resets: WeakKeyDictionary[Any, Callable[[Any], None]] = WeakKeyDictionary()


def after_fork_in_child(call: Callable[[], None]) -> None:
    """Call a function first thing in every child; never on Windows, where nothing forks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)


def reset_after_fork(owner: T, call: Callable[[T], None]) -> None:
    """Call a function with an object first thing in every child, as long as the object lives."""
    _resets[owner] = call


def _hand_on() -> None:
    for owner, call in list(_resets.items()):
        call(owner)


after_fork_in_child(_hand_on)
