"""Serve the endpoint as an ASGI app: for FastAPI and Starlette, or mounted anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from http import HTTPStatus
from typing import Any

from .. import runtime
from ..auth.addresses import address_of
from ..auth.allowance import Allowance
from ..auth.authorize import authorize_subscribe_beside_loop
from ..auth.call_app import RequestContext
from ..auth.guard import Guard
from ..auth.origin import RequestHead
from ..concurrency.pool import PoolFullError
from ..endpoint import poke
from ..endpoint.http import HttpAnswer, HttpRequest, error_response
from ..endpoint.routes import HEALTH, POLL, ROUTES, answer
from ..producers.producers import end_producers
from ..protocol import Close, Rejection, choose_subprotocol, close_reason, version_rejection
from ..runtime import Runtime
from ..serving import note_page
from ..settings import Settings
from ..telemetry.descriptors import limit_accept_lines
from ..telemetry.statistics import note_close
from .asgi_http import (
    AsgiPoke,
    Scope,
    headers_of,
    in_poll_thread,
    in_thread,
    request_of,
    respond,
)
from .asgi_socket import AsgiSocket, Receive, Send
from .loop_hub import close_running_hub, running_hub


class AsgiEndpoint:
    """Serve websockets and plain HTTP, except poke; an ASGI 3 app.

    It can be mounted at any path: it takes a websocket at every path, and reads only the last part
    of the path of a plain request.

    Args:
        guard: decides who may use the endpoint.
        request_of: converts a scope to the request that the app's hooks get; by default they get
            the scope.
        opened: called with the settings first for each websocket.
        opening: takes that request, and returns the context in which the app is called.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        request_of: Callable[[Scope], Any] | None = None,
        opened: Callable[[Settings], None] | None = None,
        opening: Callable[[Any], RequestContext] = nullcontext,
    ) -> None:
        runtime.current().has_endpoint()
        limit_accept_lines()
        self._guard = guard or Guard()
        self._request_of = request_of or _scope_as_request
        self._opened = opened or _ignore_settings
        self._opening = opening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; see ASGI."""
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
        """Accept a websocket; return ``None`` if it was rejected and closed."""
        self._opened(current.settings)
        await receive()  # websocket.connect
        chosen = choose_subprotocol(scope.get("subprotocols") or ())

        def open_request() -> RequestContext:
            return self._opening(self._request_of(scope))

        peer = (scope.get("client") or (None,))[0]
        head = RequestHead(headers_of(scope), scope.get("scheme", ""), True, peer)
        rejection = await self._guard.rejection(current, head, open_request)
        rejection = rejection or version_rejection(chosen)
        await send({"type": "websocket.accept", "subprotocol": chosen})
        if rejection is not None:
            note_close(current, *rejection)
            await reject(rejection, receive, send)
            return None
        open_for_authorize = open_request if current.settings.restricts_listening else None
        address = address_of(current, headers_of(scope), peer)
        hub = running_hub(current)
        return AsgiSocket(hub, receive, send, open_for_authorize, chosen, address)

    async def answer(
        self, current: Runtime, request: HttpRequest, hooks_request: Any
    ) -> HttpAnswer:
        """Answer a plain HTTP request below ``_pipe/``, except poke.

        Args:
            current: the runtime.
            request: the browser's request.
            hooks_request: the same request as the app's hooks get it.
        """
        if request.path not in ROUTES:
            return HttpAnswer(HTTPStatus.NOT_FOUND, "{}")
        open_request = partial(self._opening, hooks_request)
        rejection = None
        if request.path != HEALTH:  # no page: it needs no guard, and calls no code of the app
            note_page(current)
            head = RequestHead(request.headers, request.scheme, peer=request.peer)
            rejection = await self._guard.rejection(current, head, open_request)
        authorize = partial(
            authorize_subscribe_beside_loop,
            asyncio.get_running_loop(),
            current,
            open_request,
            allowance=Allowance(current.settings.authorize_timeout),
        )
        find = partial(
            answer, current, request, obstacle="", rejection=rejection, authorize=authorize
        )
        is_poll = request.path == POLL
        if not (is_poll or current.settings.restricts_listening or current.broker.may_wait):
            return find()
        try:
            if is_poll:  # never on the loop: it may work for milliseconds
                return await in_poll_thread(current, find)
            return await in_thread(current, find)
        except PoolFullError:
            reason = "all threads of this server are busy; the page will retry"
            note_close(current, Close.TRY_LATER, reason)
            return error_response(HTTPStatus.SERVICE_UNAVAILABLE, Close.TRY_LATER, reason)


class AsgiApp:
    """Serve the endpoint and poke, without an app; an ASGI app.

    Poke answers only at its own paths, since its guards (a proxy, say) rely on the path. The paths
    are relative to the mount point: below ``/_pipe`` or at the root.
    """

    def __init__(self) -> None:
        self._endpoint = AsgiEndpoint()
        self._poke = AsgiPoke()
        self._poke_paths = {*poke.paths(None, "/"), *poke.paths(None, "/_pipe/")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; see ASGI."""
        if scope["type"] == "http" and runtime.current().settings.http_route is None:
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if path in self._poke_paths:
                await self._poke(scope, receive, send)
                return
        await self._endpoint(scope, receive, send)


def asgi_app() -> AsgiApp:
    """Return the endpoint as an ASGI app, to be mounted anywhere or served alone.

    Dash apps on FastAPI and Quart have it already. Mount it at ``/_pipe`` next to an app that
    can't open websockets, or at the address in the setting ``url``. It has no app whose guards
    could protect it: the setting ``authorize`` decides who may listen, and gets the ASGI scope.
    """
    return AsgiApp()


async def reject(rejection: Rejection, receive: Receive, send: Send) -> None:
    """Close an accepted websocket with the reason; wait until the server has closed it."""
    code, reason = rejection
    reason = close_reason(reason)
    await send({"type": "websocket.close", "code": int(code), "reason": reason})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def end_sources() -> None:
    """End the sources of this process, whose server shuts down."""
    await end_producers(runtime.current())


async def _lifespan(receive: Receive, send: Send) -> None:
    """Answer lifespan events; at shutdown tell the browsers that the server is going away."""
    while True:
        event = await receive()
        if event["type"] == "lifespan.shutdown":
            close_running_hub(runtime.current())
            await end_sources()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "lifespan.startup.complete"})


def _scope_as_request(scope: Scope) -> Any:
    return scope


def _ignore_settings(_: Settings) -> None:
    pass
