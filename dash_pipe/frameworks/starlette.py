"""Add the endpoint to a Starlette server, such as FastAPI.

Starlette does not call middleware for HTTP (``@app.middleware("http")``) for websockets, and
FastAPI does not call dependencies for mounted apps. If an app has no other guard, the log warns
once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import Mount, Route

from ..auth.guard import Guard, HttpOnlyWarning
from ..endpoint.poke import paths
from ..transports.asgi import AsgiEndpoint, end_sources
from ..transports.asgi_http import AsgiPoke


def add_endpoint(server: Starlette, path: str, http_route: str | None, guard: Guard) -> None:
    """Add the endpoint below ``path``, which ends with ``_pipe/``. A second call does nothing."""
    mount_path = path.rstrip("/")
    if any(isinstance(each, Mount) and each.path == mount_path for each in server.routes):
        return
    http_only = HttpOnlyWarning(guard, lambda: _http_guards(server), "FastAPI")
    endpoint = AsgiEndpoint(guard, HTTPConnection, http_only.check)
    # First: an app may have a route that takes every path.
    server.router.routes.insert(0, Mount(mount_path, endpoint))
    for rule in paths(http_route, path):
        server.router.routes.insert(0, Route(rule, AsgiPoke()))
    _end_sources_with(server)


def _end_sources_with(server: Starlette) -> None:
    """End sources when the server shuts down, before the app closes what a source may use."""
    within = server.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[Any]:
        async with within(app) as state:
            try:
                yield state
            finally:
                await end_sources()

    server.router.lifespan_context = lifespan


def _http_guards(server: Any) -> list[str]:
    """Return the names of what guards this server's HTTP but not its websockets."""
    names = [
        getattr(middleware.kwargs.get("dispatch"), "__name__", middleware.cls.__name__)
        for middleware in server.user_middleware
        if isinstance(middleware.cls, type)
        and issubclass(middleware.cls, BaseHTTPMiddleware)
        and not _is_from_dash(middleware.kwargs.get("dispatch", middleware.cls))
    ]
    dependencies = getattr(server.router, "dependencies", ())  # FastAPI(dependencies=[...])
    return names + [getattr(each.dependency, "__name__", "a dependency") for each in dependencies]


def _is_from_dash(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == "dash"
