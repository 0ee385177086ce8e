"""Open the context in which functions of the project are called."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from asgiref.sync import sync_to_async
from channels.auth import UserLazyObject, get_user
from django.conf import settings
from django.db import close_old_connections
from django.utils.functional import SimpleLazyObject


class Opened:
    """Give a function the ASGI scope with today's session and user; a context.

    The scope of a websocket has those of its handshake. Both are looked up again for each call if
    the user is that of the session. A user of the project's own middleware stays.

    A function runs where no request begins or ends. So connections that have reached their maximum
    age, or that the database has closed, are closed here, as Django does around its own requests.

    Args:
        scope: of the request or websocket.
    """

    def __init__(self, scope: Any) -> None:
        self._scope = scope

    def __enter__(self) -> Any:
        """Open it in the thread of the function."""
        close_old_connections()
        if not _has_user_of_session(self._scope):
            return self._scope
        again = {**self._scope, "session": _session(self._scope)}
        again["user"] = SimpleLazyObject(lambda: get_user.func(again))  # without its loop
        return again

    def __exit__(self, *_: object) -> None:
        """Close it there."""
        close_old_connections()

    async def __aenter__(self) -> Any:
        """Open it on the loop of the function, where the database can't be used."""
        await sync_to_async(close_old_connections)()
        if not _has_user_of_session(self._scope):
            return self._scope
        again = {**self._scope, "session": _session(self._scope)}
        return {**again, "user": await get_user(again)}

    async def __aexit__(self, *_: object) -> None:
        """Close it there."""
        await sync_to_async(close_old_connections)()


def _has_user_of_session(scope: Any) -> bool:
    """Return whether ``channels.auth`` has put the user into the scope."""
    return isinstance(scope.get("user"), UserLazyObject)


def _session(scope: Any) -> Any:
    """Return the session as it is now; it is read from its store at the first use."""
    return import_module(settings.SESSION_ENGINE).SessionStore(scope["session"].session_key)
