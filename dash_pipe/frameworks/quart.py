"""Add the endpoint to a Quart server. ``before_websocket`` guards the websocket.

Quart gives its views a websocket, not the server's ASGI events. So this module converts between
the two for ``AsgiEndpoint``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Any

from quart import Quart, Response, Websocket, request, websocket

from .. import runtime
from ..auth.guard import Guard, HttpOnlyWarning
from ..endpoint.http import HttpAnswer, HttpRequest, error_response
from ..endpoint.poke import ROUTE, route
from ..endpoint.routes import HEALTH, ROUTES, TOKEN
from ..protocol import Close
from ..transports.asgi import AsgiEndpoint, end_sources
from ..transports.asgi_http import Scope, answer_poke, body_of
from ..transports.asgi_socket import Event
from .csrf import exempt_from_csrf


def add_endpoint(server: Quart, path: str, http_route: str | None, guard: Guard) -> None:
    """Add the endpoint below ``path``, which ends with ``_pipe/``. A second call does nothing."""
    rule = f"{path}ws"
    if rule in server.view_functions:
        return
    http_only = HttpOnlyWarning(guard, lambda: _http_guards(server), "Quart")
    endpoint = AsgiEndpoint(guard, _websocket_of, http_only.check, partial(_reopened, server))

    async def view() -> None:
        await _serve(endpoint)

    server.add_websocket(rule, endpoint=rule, view_func=view)
    for name, method in ROUTES.items():
        rule = f"{path}{name}"
        view_func = _http_view(endpoint, server, name)
        server.add_url_rule(rule, endpoint=rule, view_func=view_func, methods=[method])
    rule = route(http_route, path)
    if rule not in server.view_functions:
        methods = ["GET", "POST"]
        server.add_url_rule(
            rule, endpoint=rule, view_func=poke, methods=methods, strict_slashes=False
        )

    async def exempt() -> None:
        if request.endpoint in (rule, f"{path}poll", f"{path}{TOKEN}"):
            exempt_from_csrf(server.extensions, server.view_functions[request.endpoint])

    server.after_serving_funcs.insert(0, end_sources)  # first: a source may use what others close
    # First: before the protection checks. A URL value preprocessor would be the right place, but
    # Quart calls it for websockets too, where there is no `request`.
    server.before_request_funcs[None].insert(0, exempt)


async def poke() -> Response:
    """Publish the messages of the request."""
    return _response(await answer_poke(runtime.current(), await _http_request(ROUTE)))


@asynccontextmanager
async def _reopened(server: Quart, opened: Any) -> AsyncIterator[Any]:
    """Open the contexts for a call, and tear them down afterwards.

    Those of a websocket last as long as the websocket, with a user whom an extension has cached
    there and with the session of the handshake. A poll has its own.
    """
    async with server.app_context():
        if not isinstance(opened, Websocket):
            yield opened
            return
        async with server.websocket_context(opened):  # it opens the session
            yield opened


def _websocket_of(_: Scope) -> Any:
    return websocket._get_current_object()  # type: ignore[attr-defined]


def _http_guards(server: Quart) -> list[str]:
    """Return the names of the functions that guard this server's HTTP but not its websockets."""
    if any(server.before_websocket_funcs.values()):
        return []
    functions = [each for some in server.before_request_funcs.values() for each in some]
    return [
        each.__name__
        for each in functions
        if not each.__module__.startswith(("dash.", "dash_pipe."))
    ]


async def _serve(endpoint: AsgiEndpoint) -> None:
    socket = _websocket_of({})
    connect: Event | None = {"type": "websocket.connect"}

    async def receive() -> Event:
        nonlocal connect
        event, connect = connect, None
        if event is not None:
            return event
        data = await socket.receive()  # cancelled when the browser has gone
        return {"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data}

    async def send(event: Event) -> None:
        match event["type"]:
            case "websocket.accept":
                await socket.accept(subprotocol=event["subprotocol"])
            case "websocket.send":
                await socket.send(event["text"])
            case "websocket.close":
                await socket.close(event["code"], event["reason"])

    await endpoint(socket.scope, receive, send)


def _http_view(
    endpoint: AsgiEndpoint, server: Quart, name: str
) -> Callable[[], Awaitable[Response]]:
    async def view() -> Response:
        if name != HEALTH and any(server.before_websocket_funcs.values()):
            # Quart does not call them for a poll, which would bypass them.
            reason = (
                "polls are rejected: before_websocket guards this app, and is not called for a poll"
            )
            found = error_response(HTTPStatus.FORBIDDEN, Close.UNAUTHORIZED, reason)
        else:
            current, polled = runtime.current(), await _http_request(name)
            context: Any = request
            found = await endpoint.answer(current, polled, context._get_current_object())
        return _response(found)

    return view


def _response(answer: HttpAnswer) -> Response:
    headers = dict(answer.headers)
    return Response(answer.body, answer.status, headers, mimetype="application/json")


async def _http_request(name: str) -> HttpRequest:
    """Return the request of this context."""
    body = await body_of(request.body)
    headers = {key.lower(): value for key, value in request.headers.items()}
    return HttpRequest(request.method, name, headers, body, request.remote_addr, request.scheme)
