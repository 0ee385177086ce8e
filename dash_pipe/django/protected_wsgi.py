"""Put Django's rules before a WSGI app that is mounted beside Django; see ``protected``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.http import HttpResponse
from django.middleware.security import SecurityMiddleware

from .protected import login, no_view, rejection


class ProtectedWsgi:
    """Check host, https and login before a WSGI app; a WSGI app.

    ``environ["asgi.scope"]`` has ``"user"`` and ``"session"``, as a2wsgi has it: a callback finds
    them in one place. A session is only read.

    Args:
        app: the app, such as ``dash_app.server``.
        login_required: see ``Protected``.
    """

    def __init__(self, app: Any, *, login_required: bool = True) -> None:
        self._app = app
        self._login_required = login_required
        self._security = SecurityMiddleware(no_view)
        self._identify = SessionMiddleware(no_view), AuthenticationMiddleware(no_view)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve one request; see WSGI."""
        close_old_connections()  # as Django does around its own requests
        try:
            response = rejection(lambda: WSGIRequest(environ), self._security)
            if response is None and (response := self._without_user(environ)) is None:
                return self._app(environ, start_response)  # type: ignore[no-any-return]
        finally:
            close_old_connections()
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items()])
        return [response.content]

    def _without_user(self, environ: dict[str, Any]) -> HttpResponse | None:
        request = WSGIRequest(environ)
        for middleware in self._identify:
            middleware.process_request(request)
        environ["asgi.scope"] = {"user": request.user, "session": request.session}
        return login(request, request.user) if self._login_required else None
