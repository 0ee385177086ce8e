"""Add the endpoint to the server of a Dash app. Loaded for every app, so it is cheap and quiet.

Dash loads the entry point group ``dash_hooks`` when an app is made, and calls setup hooks with the
app before it has a server. So the endpoint is added after ``init_app`` has run.
"""

from __future__ import annotations

import functools
import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

import dash

from .. import runtime
from ..auth.guard import Guard
from ..errors import SettingError, SetupError
from ..serving import note_page
from ..settings.origins import parse_origin
from ..telemetry.events import log_event
from . import dpd
from .bundle import bundle
from .page_meta import meta

if TYPE_CHECKING:
    from dash import Dash

logger = logging.getLogger("dash_pipe")

ENDPOINT = "_pipe/"  # below the app's routes_pathname_prefix

# The servers of Dash apps: package and name of a base class, and the module here that serves it.
_HOSTS = {("flask", "Flask"): "flask", ("starlette", "Starlette"): "starlette"}
_HOSTS |= {("quart", "Quart"): "quart"}
_MARK = "_adds_dash_pipe"  # marks an init_app that adds the endpoint


def setup(app: Dash) -> None:
    """Add the endpoint for its Pipes to a Dash app.

    If dash-pipe is installed, every app gets it automatically, unless the setting ``auto_setup`` is
    off. Then, or if it is only importable and the app was made before ``import dash_pipe``, call
    this. A second call does nothing.

    Args:
        app: an app on Flask, FastAPI or Quart; it may get its server later
            (``Dash(server=False)``).

    Raises:
        SetupError: it is no Dash app, or its server is not supported.
    """
    if not hasattr(app, "init_app") or not hasattr(app, "config"):
        raise SetupError(f"setup(app): expected a dash.Dash, got {type(app).__name__}")
    bundle.serve()
    server = app.server
    host = _host_of(server)
    if host is not None and _has_routes(app):
        _add_endpoint(app, host)
        return
    if host is None and server is not None and not isinstance(server, bool):
        kind = f"{type(server).__module__}.{type(server).__name__}"
        raise SetupError(
            "expected an app on Flask, FastAPI or Quart, but its server is not supported: "
            f"{kind}. Mount dash_pipe.asgi_app() at {ENDPOINT} next to it instead"
        )
    _wait_for_server(app)


def _host_of(server: object) -> str | None:
    """Return the name of the module here that serves a server; ``None`` if it is not supported."""
    for kind in type(server).__mro__:
        host = _HOSTS.get((kind.__module__.partition(".")[0], kind.__name__))
        if host is not None:
            return host
    return None


def _has_routes(app: Dash) -> bool:
    """Return whether ``init_app`` has run: it adds Dash's routes."""
    return bool(app.routes)


def _wait_for_server(app: Dash) -> None:
    """Add the endpoint when the app gets its server."""
    init_app = app.init_app
    if hasattr(init_app, _MARK):
        return

    @functools.wraps(init_app)
    def init_app_and_pipe(*args: Any, **kwargs: Any) -> None:
        init_app(*args, **kwargs)
        host = _host_of(app.server)
        if host is not None:
            _add_endpoint(app, host)
        else:
            logger.debug(
                "dash-pipe: added no endpoint to %r: its server is not supported",
                app,
                extra=log_event("app_unsupported"),
            )

    setattr(init_app_and_pipe, _MARK, True)
    app.init_app = init_app_and_pipe  # type: ignore[method-assign]


def _add_endpoint(app: Dash, host: str) -> None:
    path = f"{app.config.routes_pathname_prefix}{ENDPOINT}"
    current = runtime.current()
    current.has_endpoint()
    current.servers.add(app.server)
    # Late: an app needs only the module of its own server.
    framework = import_module(f".{host}", __package__)
    framework.add_endpoint(app.server, path, current.http_route, _guard_of(app))


def _guard_of(app: Dash) -> Guard:
    """Return a guard with the app's rules for Dash's own websockets (Dash 4.2 and newer)."""
    hooks = getattr(app, "_hooks", dash.hooks)
    return Guard(
        origins=_origins_of(app),
        connect_hooks=lambda: hooks.get_hooks("websocket_connect"),
    )


def _origins_of(app: Dash) -> tuple[str, ...]:
    """Return the origins that Dash allows for its own websockets, without the unusable ones."""
    origins = []
    for text in getattr(app, "_websocket_allowed_origins", ()):
        try:
            origins.append(parse_origin(text))
        except ValueError as error:
            extra = log_event("origin_unusable")
            logger.warning("dash-pipe: websocket_allowed_origins: %s", error, extra=extra)
    return tuple(origins)


def _on_setup(app: Dash) -> None:
    """Add the endpoint to a new app; skip an app that is not supported. Dash's setup hook.

    Dash calls it for every app of the environment, also if the app never imports dash_pipe.
    """
    try:
        if dpd.is_one(app):
            bundle.serve()
            dpd.name_socket(app)
        elif runtime.current().settings.auto_setup:
            setup(app)
        else:
            bundle.withhold()
    except SettingError:
        raise  # without the endpoint the app would fail later, for no visible reason
    except Exception as error:  # this runs for every app, and must not stop any
        extra = log_event("app_unsupported")
        logger.debug("dash-pipe: added no endpoint to an app: %s", error, extra=extra)


def _on_index(index: str) -> str:
    """Name the endpoint in the page if the setting ``url`` is set. Dash's index hook.

    Without it this process serves the page's Pipes, and its children send to them from now on.
    """
    if not bundle.files:
        return index
    current = runtime.current()
    url = current.settings.url
    if url is None:
        current.program.note_page(current)
        if current.settings.keeps_messages_in_memory:
            note_page(current)
        return index
    return index.replace("</head>", f"{meta(url)}</head>", 1)


dash.hooks.setup()(_on_setup)
dash.hooks.index()(_on_index)
