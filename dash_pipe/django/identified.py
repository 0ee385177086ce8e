"""Add the user of Django's session to an ASGI scope."""

from __future__ import annotations

from typing import Any

from channels.auth import AuthMiddlewareStack

from ..transports.asgi_http import Scope
from ..transports.asgi_socket import Receive, Send


class Identified:
    """Add the session's user to the scope, unless the project's middleware did; an ASGI app."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._by_session = AuthMiddlewareStack(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; see ASGI."""
        app = self._app if "user" in scope else self._by_session
        await app(scope, receive, send)
