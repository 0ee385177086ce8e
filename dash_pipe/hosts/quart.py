"""The endpoint on a Quart server. Quart's ``before_websocket`` guards the websocket.

Quart gives its views a websocket, not the server's events; so they are turned into each other
here, and what is common to all ASGI servers does the rest.
"""

from __future__ import annotations

from typing import Any

from quart import Quart, websocket

from .asgi import AsgiEndpoint, Scope
from .asgi_socket import Event
from .guard import Guard, HttpOnly


def add_endpoint(server: Quart, path: str, guard: Guard) -> None:
    """Add the endpoint below ``path`` (which ends with ``_pipe/``), once."""
    rule = f"{path}ws"
    if rule in server.view_functions:
        return
    http_only = HttpOnly(guard, lambda: _http_guards(server), "Quart")
    endpoint = AsgiEndpoint(guard, _websocket_of, http_only.check)

    async def view() -> None:
        await _serve(endpoint)

    server.add_websocket(rule, endpoint=rule, view_func=view)


def _websocket_of(_: Scope) -> Any:
    return websocket._get_current_object()  # type: ignore[attr-defined]


def _http_guards(server: Quart) -> list[str]:
    """What guards this server's HTTP but not its websockets, by name."""
    if any(server.before_websocket_funcs.values()):
        return []
    functions = [each for some in server.before_request_funcs.values() for each in some]
    return [each.__name__ for each in functions if not each.__module__.startswith("dash.")]


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
