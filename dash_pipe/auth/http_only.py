"""A warning for apps that guard their pages, and nothing but those."""

from __future__ import annotations

import logging
from collections.abc import Callable

from .guard import Guard

logger = logging.getLogger("dash_pipe")


class HttpOnly:
    """Says once that an app guards its pages, but nothing guards its websocket.

    Args:
        guard: of the app.
        http_guards: names what guards HTTP alone; asked late, since an app may add some any time.
        backend: how the log calls the server.
    """

    def __init__(self, guard: Guard, http_guards: Callable[[], list[str]], backend: str) -> None:
        self._guard = guard
        self._http_guards = http_guards
        self._backend = backend
        self._checked = False

    def check(self) -> None:
        """Look, the first time."""
        if self._checked:
            return
        self._checked = True
        names = self._http_guards()
        if names and not self._guard.authorizes and not self._guard.connect_hooks():
            logger.warning(
                "dash-pipe: %s on %s guards HTTP requests but does not run for websockets, so "
                "whoever reaches this server can listen on every channel. Say who may with "
                "dash_pipe.configure(authorize=...) or dash.hooks.websocket_connect, or with "
                "authorize=lambda *_: True that everybody may.",
                ", ".join(names),
                self._backend,
            )
