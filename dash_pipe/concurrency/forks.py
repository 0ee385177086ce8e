"""What a forked child does about what it got of its parent."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_heirlooms: WeakKeyDictionary[Any, Callable[[Any], None]] = WeakKeyDictionary()


def in_child(call: Callable[[], None]) -> None:
    """Call a function first thing in every child; never on Windows, where nothing forks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)


def each_in_child(heirloom: T, call: Callable[[T], None]) -> None:
    """Call a function with an object first thing in every child, as long as the object lives."""
    _heirlooms[heirloom] = call


def _hand_on() -> None:
    for heirloom, call in list(_heirlooms.items()):
        call(heirloom)


in_child(_hand_on)
