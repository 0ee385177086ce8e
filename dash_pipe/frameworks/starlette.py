"""The endpoint on a Starlette server; FastAPI is one.

Middleware that Starlette calls for HTTP alone, as what ``@app.middleware("http")`` makes, does not
see websockets, nor do FastAPI's dependencies see what is mounted. Where an app has nothing else
to guard it by, that is said once.
"""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import Mount, Route

from ..auth.guard import Guard, HttpOnlyWarning
from ..endpoint.poke import paths
from ..transports.asgi import AsgiEndpoint
from ..transports.asgi_http import AsgiPoke


def add_endpoint(server: Starlette, path: str, http_route: str | None, guard: Guard) -> None:
    """Add the endpoint below ``path`` (which ends with ``_pipe/``), once."""
    mount_path = path.rstrip("/")
    if any(isinstance(each, Mount) and each.path == mount_path for each in server.routes):
        return
    http_only = HttpOnlyWarning(guard, lambda: _http_guards(server), "FastAPI")
    endpoint = AsgiEndpoint(guard, HTTPConnection, http_only.check)
    # First, since the routes of an app may end with one that takes every path.
    server.router.routes.insert(0, Mount(mount_path, endpoint))
    for rule in paths(http_route, path):
        server.router.routes.insert(0, Route(rule, AsgiPoke()))


def _http_guards(server: Any) -> list[str]:
    """What guards this server's HTTP but not its websockets, by name."""
    names = [
        getattr(middleware.kwargs.get("dispatch"), "__name__", middleware.cls.__name__)
        for middleware in server.user_middleware
        if isinstance(middleware.cls, type)
        and issubclass(middleware.cls, BaseHTTPMiddleware)
        and not _is_dashs(middleware.kwargs.get("dispatch", middleware.cls))
    ]
    dependencies = getattr(server.router, "dependencies", ())  # FastAPI(dependencies=[...])
    return names + [getattr(each.dependency, "__name__", "a dependency") for each in dependencies]


def _is_dashs(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == "dash"
