"""The endpoint as an ASGI app: for FastAPI and Starlette, and to be mounted anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from http import HTTPStatus
from typing import Any

from .. import runtime
from ..auth.authorize import authorize_subscribe_beside_loop
from ..auth.guard import Guard
from ..concurrency.pool import PoolFullError
from ..endpoint import poke
from ..endpoint.http import HttpAnswer, HttpRequest, error_response
from ..endpoint.routes import ROUTES, answer
from ..protocol import Close, Rejection, choose_subprotocol, close_reason, version_rejection
from ..runtime import Runtime
from ..settings import Settings
from .asgi_http import AsgiPoke, Scope, headers_of, in_thread, request_of, respond
from .asgi_socket import AsgiSocket, Receive, Send
from .loop_hub import close_running_hub, running_hub


class AsgiEndpoint:
    """An ASGI 3 app that serves websockets, and the plain HTTP beside them, but for poke.

    It is found at whatever path it is mounted: a websocket is one of ours wherever it is opened,
    and of a plain request only the last part of the path counts.

    Args:
        guard: who may use it.
        request_of: makes of a scope what the app's hooks are given; the scope itself by default.
        opened: called with the settings for each request for a websocket, before anything else.
        opening: makes of what the hooks are given the context in which ``authorize`` is asked.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        request_of: Callable[[Scope], Any] | None = None,
        opened: Callable[[Settings], None] | None = None,
        opening: Callable[[Any], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        runtime.current().has_endpoint()
        self._guard = guard or Guard()
        self._request_of = request_of or _itself
        self._opened = opened or _nothing
        self._opening = opening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI says."""
        current = runtime.current()
        match scope["type"]:
            case "websocket":
                socket = await self._open(current, scope, receive, send)
                if socket is not None:
                    await socket.serve()
            case "http":
                name = scope["path"].rstrip("/").rpartition("/")[2]
                request = await request_of(scope, receive, name)
                found = await self.answer(current, request, self._request_of(scope))
                await respond(found, send)
            case "lifespan":
                await _lifespan(receive, send)

    async def _open(
        self, current: Runtime, scope: Scope, receive: Receive, send: Send
    ) -> AsgiSocket | None:
        """Accept a websocket; ``None`` when it had to be closed at once."""
        self._opened(current.settings)
        await receive()  # websocket.connect
        chosen = choose_subprotocol(scope.get("subprotocols") or ())
        rejection = await self._guard.rejection(current, headers_of(scope), self._request_of(scope))
        rejection = rejection or version_rejection(chosen)
        await send({"type": "websocket.accept", "subprotocol": chosen})
        if rejection is not None:
            await refuse(rejection, receive, send)
            return None

        def open_request() -> AbstractContextManager[Any]:
            return self._opening(self._request_of(scope))

        asked = None if current.settings.authorize is None else open_request
        return AsgiSocket(running_hub(current), receive, send, asked, chosen)

    async def answer(
        self, current: Runtime, request: HttpRequest, hooks_request: Any
    ) -> HttpAnswer:
        """Answer a request below ``_pipe/`` that is no websocket, and not for poke.

        Args:
            current: the runtime.
            request: what the browser sent.
            hooks_request: the same as the app's hooks are given it.
        """
        if request.path not in ROUTES:
            return HttpAnswer(HTTPStatus.NOT_FOUND, "{}")
        rejection = await self._guard.rejection(current, request.headers, hooks_request)
        authorize = partial(
            authorize_subscribe_beside_loop,
            asyncio.get_running_loop(),
            current,
            partial(self._opening, hooks_request),
        )
        find = partial(
            answer, current, request, obstacle="", rejection=rejection, authorize=authorize
        )
        if current.settings.authorize is None and not current.broker.may_wait:
            return find()
        try:
            return await in_thread(current, find)
        except PoolFullError:
            reason = "this server is busy with the requests of others"
            return error_response(HTTPStatus.SERVICE_UNAVAILABLE, Close.TRY_LATER, reason)


class AsgiApp:
    """The endpoint with poke, which is where it is said to be alone: what guards it goes by that.

    The paths are those inside of where it is mounted, at ``/_pipe`` or at the root.
    """

    def __init__(self) -> None:
        self._endpoint = AsgiEndpoint()
        self._poke = AsgiPoke()
        self._poke_paths = {*poke.paths(None, "/"), *poke.paths(None, "/_pipe/")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI says."""
        if scope["type"] == "http" and runtime.current().settings.http_route is None:
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if path in self._poke_paths:
                await self._poke(scope, receive, send)
                return
        await self._endpoint(scope, receive, send)


def asgi_app() -> AsgiApp:
    """The endpoint as an ASGI app of its own: to be mounted anywhere, or served by itself.

    Dash apps on FastAPI and Quart have it already. Mount it at ``/_pipe`` beside an app that can't
    open websockets by itself, or wherever the setting ``url`` says. It has no app whose guards
    could guard it: the setting ``authorize``, which is given the ASGI scope, says who may listen.
    """
    return AsgiApp()


async def refuse(rejection: Rejection, receive: Receive, send: Send) -> None:
    """Close an accepted websocket with the reason, and wait until the server has done so."""
    code, reason = rejection
    reason = close_reason(reason)
    await send({"type": "websocket.close", "code": int(code), "reason": reason})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    """Nothing to start; at the end say goodbye to who is still there."""
    while True:
        event = await receive()
        if event["type"] == "lifespan.shutdown":
            close_running_hub(runtime.current())
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "lifespan.startup.complete"})


def _itself(scope: Scope) -> Any:
    return scope


def _nothing(_: Settings) -> None:
    pass
