"""Where dash-pipe meets a Dash app: the endpoint on its server. Loaded for every app: cheap, quiet.

Dash loads the entry point group ``dash_hooks`` when an app is made, and hands the app to setup
hooks before it has a server; so the endpoint is added when ``init_app`` has run.
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
from . import dpd
from .page_meta import meta

if TYPE_CHECKING:
    from dash import Dash

logger = logging.getLogger("dash_pipe")

ENDPOINT = "_pipe/"  # below the app's routes_pathname_prefix

# The servers that Dash apps live on, by what their classes inherit from, each with its module here.
_HOSTS = {("flask", "Flask"): "flask", ("starlette", "Starlette"): "starlette"}
_HOSTS |= {("quart", "Quart"): "quart"}
_MARK = "_adds_dash_pipe"  # on an init_app that adds the endpoint


def setup(app: Dash) -> None:
    """Give a Dash app the endpoint that its Pipes talk to.

    Apps get it by themselves when dash-pipe is installed; call this for an app that was made before
    ``import dash_pipe`` in an environment where it is not. More than once does no harm.

    Args:
        app: an app on Flask, FastAPI or Quart, with its server or still without
            (``Dash(server=False)``).

    Raises:
        SetupError: the app is none of Dash, or its backend is not served.
    """
    if not hasattr(app, "init_app") or not hasattr(app, "config"):
        raise SetupError(f"setup(app) takes a dash.Dash, got {type(app).__name__}")
    server = app.server
    host = _host_of(server)
    if host is not None and _has_routes(app):
        _add_endpoint(app, host)
        return
    if host is None and server is not None and not isinstance(server, bool):
        kind = f"{type(server).__module__}.{type(server).__name__}"
        raise SetupError(
            "dash-pipe serves Dash on Flask, FastAPI and Quart; this app's server is a "
            f"{kind}. Mount dash_pipe.asgi_app() at {ENDPOINT} beside it instead"
        )
    _wait_for_server(app)


def _host_of(server: object) -> str | None:
    """The module here that serves such a server."""
    for kind in type(server).__mro__:
        host = _HOSTS.get((kind.__module__.partition(".")[0], kind.__name__))
        if host is not None:
            return host
    return None


def _has_routes(app: Dash) -> bool:
    """Whether ``init_app`` has run: Dash's own routes are there."""
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
            logger.debug("dash-pipe: %r is on a server that is not served", app)

    setattr(init_app_and_pipe, _MARK, True)
    app.init_app = init_app_and_pipe  # type: ignore[method-assign]


def _add_endpoint(app: Dash, host: str) -> None:
    path = f"{app.config.routes_pathname_prefix}{ENDPOINT}"
    current = runtime.current()
    current.has_endpoint()
    # Late: an app needs the module of its own server alone.
    framework = import_module(f".{host}", __package__)
    framework.add_endpoint(app.server, path, current.http_route, _guard_of(app))


def _guard_of(app: Dash) -> Guard:
    """What the app says to Dash about websockets holds for ours (Dash 4.2 and newer)."""
    hooks = getattr(app, "_hooks", dash.hooks)
    return Guard(
        origins=tuple(getattr(app, "_websocket_allowed_origins", ())),
        connect_hooks=lambda: hooks.get_hooks("websocket_connect"),
    )


def _on_setup(app: Dash) -> None:
    """Meet an app of this environment, as Dash's setup hook; leave alone what can't be served."""
    try:
        if dpd.is_one(app):
            dpd.name_socket(app)
        else:
            setup(app)
    except SettingError:
        raise  # without its endpoint the app would fail later, and not say why
    except Exception as error:  # apps come in all kinds here, and it is not ours to stop them
        logger.debug("dash-pipe: left an app alone: %s", error)


def _on_index(index: str) -> str:
    """Tell the page where the endpoint is, where the setting ``url`` says so; as Dash's hook."""
    url = runtime.current().settings.url
    if url is None:
        return index
    return index.replace("</head>", f"{meta(url)}</head>", 1)


dash.hooks.setup()(_on_setup)
dash.hooks.index()(_on_index)
