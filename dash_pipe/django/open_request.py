"""Open the context in which ``authorize`` is called."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import close_old_connections


@contextmanager
def open_request(scope: Any) -> Iterator[Any]:
    """Give ``authorize`` the ASGI scope, and close its old database connections.

    A sync ``authorize`` runs in a thread where no request begins or ends. So connections that have
    reached their maximum age are closed here, as Django does around its own requests.
    """
    if _is_on_loop():
        yield scope
        return
    close_old_connections()
    try:
        yield scope
    finally:
        close_old_connections()


def _is_on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
