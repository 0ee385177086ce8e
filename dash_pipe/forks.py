"""What a forked child does about what it got of its parent."""

from __future__ import annotations

import os
from collections.abc import Callable


def in_child(call: Callable[[], None]) -> None:
    """Call a function first thing in every child; never on Windows, where nothing forks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)
