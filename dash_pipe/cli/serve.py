"""``dash-pipe serve``: run a gateway, an endpoint without an app: websockets, poll and poke."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from .. import runtime
from ..endpoint.poke import paths
from ..endpoint.routes import ROUTES
from ..protocol import MAX_FRAME_BYTES
from ..telemetry.events import log_event
from ..transports.asgi import AsgiEndpoint
from ..transports.asgi_http import AsgiPoke
from .exits import Exit, Failure

if TYPE_CHECKING:
    from uvicorn import Config

OPEN = (
    "dash-pipe: no authorize is set: everybody who reaches this gateway can listen on every "
    "channel. Set DASH_PIPE_AUTHORIZE=module:function; to allow everybody, let it return True"
)

logger = logging.getLogger("dash_pipe")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Gateway:
    """Serve the endpoint below a path, and nothing else; an ASGI app.

    Args:
        prefix: the path of ``_pipe/``, like an app's ``routes_pathname_prefix``.
    """

    def __init__(self, prefix: str) -> None:
        path = f"/{prefix.strip('/')}/_pipe/".replace("//", "/")
        endpoint, poke = AsgiEndpoint(), AsgiPoke()
        self.path = path
        self._apps: dict[str, App] = {f"{path}{name}": endpoint for name in ("ws", *ROUTES)}
        self._apps |= dict.fromkeys(paths(runtime.current().http_route, path), poke)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; see ASGI."""
        path = f"{self.path}ws" if scope["type"] == "lifespan" else scope["path"]
        if path in self._apps:
            await self._apps[path](scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # HTTP 403, before an accept
        else:
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 404, "headers": headers})
            body = f'{{"error": "this is a dash-pipe gateway; its endpoint is {self.path}"}}'
            await send({"type": "http.response.body", "body": body.encode()})


def serve(host: str, port: int, prefix: str) -> Exit:
    """Serve until a signal ends it.

    Raises:
        Failure: uvicorn is not installed.
        SettingError: a setting is wrong, or ``authorize`` can't be imported.
    """
    settings = runtime.current().load()
    try:
        import uvicorn
    except ImportError:
        reason = "serve needs uvicorn: pip install 'dash-pipe[server]'"
        raise Failure(Exit.USAGE, reason) from None
    if settings.authorize is None:
        logger.warning(OPEN, extra=log_event("authorize_unset"))
    runtime.current().check_descriptors()
    server = uvicorn.Server(config(Gateway(prefix), host, port))
    try:
        server.run()
    except SystemExit:  # uvicorn has logged why, mostly a port that is in use
        return Exit.USAGE
    return Exit.OK if server.started else Exit.USAGE


def config(app: Gateway, host: str, port: int) -> Config:
    """Return the configuration of uvicorn: no compression, no frame larger than browsers need."""
    import uvicorn

    return uvicorn.Config(
        app,
        host,
        port,
        ws_per_message_deflate=False,
        ws_max_size=MAX_FRAME_BYTES,
        lifespan="on",
        access_log=False,  # each browser that polls would add a line every two seconds
        server_header=False,
    )
