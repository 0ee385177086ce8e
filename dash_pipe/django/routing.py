"""The routes of a Django project: a complete ``application``, or lists to add to other routes.

Both lists are for ``channels.routing.URLRouter``. The project's session identifies the user:
``authorize`` gets the ASGI scope with ``scope["user"]`` and ``scope["session"]``.
"""

from __future__ import annotations

from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.apps import apps
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

from .. import runtime
from ..auth.guard import Guard
from ..endpoint.poke import paths as poke_paths
from ..endpoint.routes import ROUTES
from ..errors import SetupError
from ..protocol.address import WEBSOCKET
from ..transports.asgi import AsgiEndpoint
from ..transports.asgi_http import AsgiPoke
from .conf import allowed_hosts
from .identified import Identified
from .open_request import Opened

guard = Guard(hosts=allowed_hosts)


def _websocket_urlpatterns() -> list[Any]:
    """Return the websocket's routes: below the base, and the base itself for older Pipes."""
    endpoint = Identified(AsgiEndpoint(guard=guard, opening=Opened))
    route = runtime.current().settings.ws_route.lstrip("/")
    return [path(route, endpoint), path(f"{route.rstrip('/')}/{WEBSOCKET}", endpoint)]


def _urlpatterns() -> list[Any]:
    """Return the routes of plain HTTP: those below the base, and poke if it is enabled."""
    settings = runtime.current().settings
    base = settings.ws_route.strip("/")
    endpoint = Identified(AsgiEndpoint(guard=guard, opening=Opened))
    patterns = [path(f"{base}/{name}", endpoint) for name in ROUTES]
    if settings.http_poke_enabled and (http_route := runtime.current().http_route) is not None:
        poke = AsgiPoke()
        patterns += [path(each.lstrip("/"), poke) for each in poke_paths(http_route, "")]
    return patterns


def _application() -> Any:
    return ProtocolTypeRouter(
        {
            "http": URLRouter([*urlpatterns, re_path("", _django)]),
            "websocket": URLRouter(websocket_urlpatterns),
            "lifespan": AsgiEndpoint(),
        }
    )


_django = get_asgi_application()  # first: it sets Django up

if not apps.is_installed("dash_pipe.django"):
    raise SetupError(
        "dash_pipe.django is not installed, and dash_pipe.django.routing needs its settings; add "
        "'dash_pipe.django' to INSTALLED_APPS"
    )

websocket_urlpatterns = _websocket_urlpatterns()
urlpatterns = _urlpatterns()
application = _application()
