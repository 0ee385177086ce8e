"""The endpoint as an ASGI app: for FastAPI and Starlette, and to be mounted anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from http import HTTPStatus
from typing import Any

from .. import reach, runtime
from ..access import Refusal
from ..endpoint import ROUTES, answer
from ..http import MAX_BODY_BYTES, HttpAnswer, HttpRequest
from ..poke import ROUTE as POKE
from ..poke import answer as poke
from ..protocol import SUBPROTOCOL, Close, Denied, Subscribe, close_reason
from .asgi_socket import AsgiSocket, Event, Receive, Send, choose_subprotocol
from .authorize import refused, refused_now
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
        opening: makes of what the hooks are given the context in which ``authorize`` is asked.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        request_of: Callable[[Scope], Any] | None = None,
        opened: Callable[[], None] | None = None,
        opening: Callable[[Any], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        reach.current.has_endpoint()
        self._guard = guard or Guard()
        self._request_of = request_of or _itself
        self._opened = opened or _nothing
        self._opening = opening

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
        refusal = await self._guard.refusal(headers_of(scope), self._request_of(scope))
        if refusal is None and chosen not in (None, SUBPROTOCOL):
            refusal = Close.VERSION, f"this server speaks {SUBPROTOCOL}"
        await send({"type": "websocket.accept", "subprotocol": chosen})
        if refusal is not None:
            await refuse(refusal, receive, send)
            return None

        def open_request() -> AbstractContextManager[Any]:
            return self._opening(self._request_of(scope))

        asked = open_request if self._guard.authorizes else None
        return AsgiSocket(running_hub(), receive, send, asked)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        peer = scope.get("client")
        request = HttpRequest(
            scope["method"],
            self._name(scope),
            headers_of(scope),
            body,
            peer[0] if peer else None,
        )
        answer = await self.answer(request, self._request_of(scope))
        text = answer.body.encode()
        headers = {"content-type": "application/json", "content-length": str(len(text))}
        raw = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in (headers | dict(answer.headers)).items()
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": text})

    async def answer(self, request: HttpRequest, hooks_request: Any) -> HttpAnswer:
        """Answer a request below ``_pipe/`` that is no websocket.

        Args:
            request: what the browser sent.
            hooks_request: the same as the app's hooks are given it.
        """
        if request.path == POKE.rstrip("/") and self._pokes():
            return await asyncio.to_thread(poke, request)  # it may wait for the broker
        if request.path not in ROUTES:
            return HttpAnswer(HTTPStatus.NOT_FOUND, "{}")
        refusal = await self._guard.refusal(request.headers, hooks_request)
        loop = asyncio.get_running_loop()

        def permit(subscribe: Subscribe) -> Denied | None:
            opened = partial(self._opening, hooks_request)
            if not self._guard.asks_on_the_loop:  # we are in a thread already
                return refused_now(opened, subscribe)
            return asyncio.run_coroutine_threadsafe(refused(opened, subscribe), loop).result()

        # What may take its time must not take the loop's.
        if self._guard.authorizes or runtime.current().broker.may_wait:
            return await asyncio.to_thread(
                answer, request, obstacle="", refusal=refusal, permit=permit
            )
        return answer(request, obstacle="", refusal=refusal, permit=lambda *_: frozenset())

    def _name(self, scope: Scope) -> str:
        """Which of the endpoint's addresses is asked for: what follows ``_pipe/``.

        Poke is found where it is said to be alone: what guards it may go by its path.
        """
        path = scope["path"]
        name: str = path.rstrip("/").rpartition("/")[2]
        inside = path.removeprefix(scope.get("root_path", ""))
        poke = POKE.rstrip("/")
        exact = inside.removeprefix("/_pipe").removesuffix("/") == f"/{poke}"
        return name if name != poke or exact else ""

    def _pokes(self) -> bool:
        """Whether poke is here, and not where the setting ``http_route`` says."""
        return runtime.current().settings.http_route is None


class AsgiPoke(AsgiEndpoint):
    """Poke alone, for where the setting ``http_route`` says."""

    def _name(self, scope: Scope) -> str:
        return POKE.rstrip("/")

    def _pokes(self) -> bool:
        return True


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
    reason = close_reason(reason)
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
