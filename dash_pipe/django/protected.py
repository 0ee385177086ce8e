"""Put Django's rules before an ASGI app that is mounted beside Django.

No middleware of Django runs there. ``ALLOWED_HOSTS``, ``SECURE_SSL_REDIRECT`` and the settings
around them hold all the same, as Django's own code checks them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from io import BytesIO
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseForbidden
from django.middleware.security import SecurityMiddleware

from .. import runtime
from ..telemetry.events import log_event
from ..transports.asgi_http import Scope
from ..transports.asgi_socket import Receive, Send
from .identified import Identified

_SCHEMES = {"ws": "http", "wss": "https"}
_log = logging.getLogger("django.security.DisallowedHost")  # where Django's own lines are


class Protected:
    """Check host, https and login before an ASGI app; an ASGI app.

    The app gets ``scope["user"]`` and ``scope["session"]``, those of Django's session.

    Args:
        app: the app, such as ``a2wsgi.WSGIMiddleware(dash_app.server)``.
        login_required: without a user redirect pages to ``LOGIN_URL``, and reject the rest (403).
    """

    def __init__(self, app: Any, *, login_required: bool = True) -> None:
        self._app = app
        self._login_required = login_required
        self._identified = Identified(self._serve_user)
        self._security = SecurityMiddleware(no_view)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; see ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif response := rejection(lambda: _request(scope), self._security):
            await _respond(response, scope, receive, send)
        else:
            await self._identified(scope, receive, send)

    async def _serve_user(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._login_required and (response := login(_request(scope), scope["user"])):
            await _respond(response, scope, receive, send)
        else:
            await self._app(scope, receive, send)


def rejection(make: Callable[[], HttpRequest], security: SecurityMiddleware) -> HttpResponse | None:
    """Return the response to a request with a wrong host or scheme; None if both are right."""
    try:
        request = make()
        request.get_host()
    except (DisallowedHost, UnicodeDecodeError) as error:
        limited_log, extra = runtime.current().diagnostics.limited_log, log_event("host_rejected")
        limited_log.line(_log, logging.ERROR, "%.300s", error, extra=extra)
        return HttpResponseBadRequest("Bad Request (400)")
    return security.process_request(request)


def login(request: HttpRequest, user: Any) -> HttpResponse | None:
    """Return the response to a request without a user; None if there is one."""
    if user.is_authenticated:
        return None
    if request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", ""):
        return redirect_to_login(request.get_full_path())
    return HttpResponseForbidden("Not logged in")


def no_view(_: HttpRequest) -> HttpResponse:
    """Return an empty response, as a middleware expects of the next one."""
    return HttpResponse()


def _request(scope: Scope) -> HttpRequest:
    """Return Django's view of a request, or of the handshake of a websocket."""
    scheme = scope.get("scheme", "http")
    seen = {"method": "GET", **scope, "scheme": _SCHEMES.get(scheme, scheme)}
    return ASGIRequest(seen, BytesIO())


async def _respond(response: HttpResponse, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # the server answers with 403
        return
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.items()]
    status = response.status_code
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
