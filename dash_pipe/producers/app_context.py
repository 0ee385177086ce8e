"""Open the context in which the functions of an app expect to run."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import Any

from ..runtime import Runtime


@contextmanager
def app_context(runtime: Runtime) -> Iterator[None]:
    """Open Flask's application context, and close Django's database connections, in this thread.

    Flask's is that of the only Flask app of the process. If there are several, none is opened.
    """
    context = _of_server(runtime)
    with context if isinstance(context, AbstractContextManager) else nullcontext():
        try:
            yield
        finally:
            _close_django_connections()


@asynccontextmanager
async def async_app_context(runtime: Runtime) -> AsyncIterator[None]:
    """Open the application context of Flask or Quart on a loop."""
    context = _of_server(runtime)
    if isinstance(context, AbstractContextManager):
        with context:
            yield
    elif context is not None:
        async with context:
            yield
    else:
        yield


def _of_server(runtime: Runtime) -> Any:
    """Return the application context of the only server that has one."""
    found = [server for server in runtime.servers if hasattr(server, "app_context")]
    return found[0].app_context() if len(found) == 1 else None


def _close_django_connections() -> None:
    """Close the connections that this thread has opened through Django, if it is in use."""
    db = sys.modules.get("django.db")
    if db is not None and sys.modules["django.conf"].settings.configured:
        db.connections.close_all()
