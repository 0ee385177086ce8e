"""Where dash-pipe meets a Dash app: the route on its server. Loaded for every app: cheap and quiet.

Dash loads the entry point group ``dash_hooks`` when an app is made, and hands the app to setup
hooks before it has a server; so the route is added when ``init_app`` has run.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import dash
from flask import Flask, Response, request

from .. import reach
from ..errors import SetupError

if TYPE_CHECKING:
    from dash import Dash

logger = logging.getLogger("dash_pipe")

ROUTE = "_pipe/ws"  # below the app's routes_pathname_prefix

_waiting: WeakSet[Any] = WeakSet()  # apps whose init_app is yet to come


def setup(app: Dash) -> None:
    """Give a Dash app the endpoint that its Pipes talk to.

    Apps get it by themselves when dash-pipe is installed; call this for an app that was made before
    ``import dash_pipe`` in an environment where it is not. More than once does no harm.

    Args:
        app: an app on Flask, with its server or still without (``Dash(server=False)``).

    Raises:
        SetupError: the app is none of Dash, or its backend is not served.
    """
    if not hasattr(app, "init_app") or not hasattr(app, "config"):
        raise SetupError(f"setup(app) takes a dash.Dash, got {type(app).__name__}")
    server = app.server
    if isinstance(server, Flask) and _has_routes(app):
        _add_route(app, server)
        return
    if server is not None and not isinstance(server, Flask | bool):
        kind = f"{type(server).__module__}.{type(server).__name__}"
        raise SetupError(f"dash-pipe serves Dash on Flask; this app's server is a {kind}")
    _wait_for_server(app)


def _has_routes(app: Dash) -> bool:
    """Whether ``init_app`` has run: Dash's own routes are there."""
    return bool(app.routes)


def _wait_for_server(app: Dash) -> None:
    """Add the route when the app gets its server."""
    if app in _waiting:
        return
    _waiting.add(app)
    init_app = app.init_app

    @functools.wraps(init_app)
    def init_app_and_pipe(*args: Any, **kwargs: Any) -> None:
        init_app(*args, **kwargs)
        if isinstance(app.server, Flask):
            _add_route(app, app.server)
        else:
            logger.debug("dash-pipe: %r is not served by Flask", app)

    app.init_app = init_app_and_pipe  # type: ignore[method-assign]


def _add_route(app: Dash, server: Flask) -> None:
    path = f"{app.config.routes_pathname_prefix}{ROUTE}"
    if path in server.view_functions:
        return
    reach.current.has_endpoint()
    server.add_url_rule(path, endpoint=path, view_func=_view, methods=["GET"], websocket=True)


def _view() -> Response:
    from .wsgi import serve_websocket  # late: not every app of an environment has a Pipe

    answer = serve_websocket(request.environ)
    response = Response(answer.body, status=answer.status, mimetype="text/plain")
    response.call_on_close(answer.done)
    return response


def _on_setup(app: Dash) -> None:
    """Meet an app of this environment, as Dash's setup hook; leave alone what can't be served."""
    try:
        setup(app)
    except Exception as error:  # apps come in all kinds here, and it is not ours to stop them
        logger.debug("dash-pipe: left an app alone: %s", error)


dash.hooks.setup()(_on_setup)
