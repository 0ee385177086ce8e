"""The context in which ``authorize`` is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import close_old_connections


@contextmanager
def asking(scope: Any) -> Iterator[Any]:
    """Give ``authorize`` the ASGI scope, and see to its database connections.

    A sync one runs in a thread, where no request begins and ends: connections are held to their
    age here, as Django does for its own.
    """
    if _on_a_loop():
        yield scope
        return
    close_old_connections()
    try:
        yield scope
    finally:
        close_old_connections()


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
