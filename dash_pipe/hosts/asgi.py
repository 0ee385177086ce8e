"""The endpoint as an ASGI app: for FastAPI and Starlette, and to be mounted anywhere."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..access import Refusal
from ..http import MAX_BODY_BYTES, HttpAnswer, HttpRequest
from ..protocol import SUBPROTOCOL, Close
from .asgi_socket import AsgiSocket, Event, Receive, Send, choose_subprotocol
from .guard import Guard
from .loophub import close_running_hub, running_hub

Scope = MutableMapping[str, Any]


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request, by lower-case name; those that come twice are joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


class AsgiEndpoint:
    """An ASGI 3 app that serves websockets, and the plain HTTP beside them.

    It is found at whatever path it is mounted: a websocket is one of ours wherever it is opened,
    and of a plain request only the last part of the path counts.

    Args:
        guard: who may use it.
        request_of: makes of a scope what the app's hooks are given; the scope itself by default.
        opened: called with each request for a websocket, before anything else.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        request_of: Callable[[Scope], Any] | None = None,
        opened: Callable[[], None] | None = None,
    ) -> None:
        self._guard = guard or Guard()
        self._request_of = request_of or _itself
        self._opened = opened or _nothing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI says."""
        match scope["type"]:
            case "websocket":
                socket = await self._open(scope, receive, send)
                if socket is not None:
                    await socket.serve()
            case "http":
                await self._http(scope, receive, send)
            case "lifespan":
                await _lifespan(receive, send)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> AsgiSocket | None:
        """Accept a websocket; ``None`` when it had to be closed at once."""
        self._opened()
        await receive()  # websocket.connect
        offered = list(scope.get("subprotocols") or ())
        chosen = choose_subprotocol(offered)
        refusal = self._guard.refusal(headers_of(scope))
        if refusal is None and self._guard.connect_hooks():
            refusal = await self._guard.connect_refusal(self._request_of(scope))
        if refusal is None and chosen not in (None, SUBPROTOCOL):
            refusal = Close.VERSION, f"this server speaks {SUBPROTOCOL}"
        await send({"type": "websocket.accept", "subprotocol": chosen})
        if refusal is not None:
            await refuse(refusal, receive, send)
            return None

        def open_request() -> AbstractContextManager[Any]:
            return nullcontext(self._request_of(scope))

        asked = open_request if self._guard.authorizes else None
        return AsgiSocket(running_hub(), receive, send, asked)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        peer = scope.get("client")
        tail = scope["path"].rstrip("/").rpartition("/")[2]
        request = HttpRequest(
            scope["method"], tail, headers_of(scope), body, peer[0] if peer else None
        )
        answer = await self.answer(request)
        text = answer.body.encode()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(text)),
            **answer.headers,
        }
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": text})

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """What the plain-HTTP half says to a request."""
        return HttpAnswer(404, '{"error":"there is no such address"}')


def asgi_app() -> AsgiEndpoint:
    """The endpoint as an ASGI app of its own: to be mounted anywhere, or served by itself.

    Dash apps on FastAPI and Quart have it already. Mount it at ``/_pipe`` beside an app that can't
    open websockets by itself, or wherever the setting ``url`` says. It has no app whose guards
    could guard it: the setting ``authorize``, which is given the ASGI scope, says who may listen.
    """
    return AsgiEndpoint()


async def refuse(refusal: Refusal, receive: Receive, send: Send) -> None:
    """Close an accepted websocket with the reason, and wait until the server has done so."""
    code, reason = refusal
    await send({"type": "websocket.close", "code": int(code), "reason": reason})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _read(receive: Receive) -> bytes:
    """The body of a request; one byte more than is allowed at most."""
    body = bytearray()
    more = True
    while more and len(body) <= MAX_BODY_BYTES:
        event: Event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    return bytes(body[: MAX_BODY_BYTES + 1])


async def _lifespan(receive: Receive, send: Send) -> None:
    """Nothing to start; at the end say goodbye to who is still there."""
    while True:
        event = await receive()
        if event["type"] == "lifespan.shutdown":
            close_running_hub()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "lifespan.startup.complete"})


def _itself(scope: Scope) -> Any:
    return scope


def _nothing() -> None:
    pass
