"""Run functions in a forked child before anything else."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_hooks: WeakKeyDictionary[Any, Callable[[Any], None]] = WeakKeyDictionary()


def after_fork_in_child(owner: T, hook: Callable[[T], None]) -> None:
    """Call ``hook(owner)`` in every forked child before anything else, as long as the owner lives.

    Windows has no fork, so nothing is called there.
    """
    _hooks[owner] = hook


def _run_hooks() -> None:
    for owner, hook in list(_hooks.items()):
        hook(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_run_hooks)
