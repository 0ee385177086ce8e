"""Add the endpoint to a Flask server. ``before_request`` guards it like every other route."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from flask import Flask, Request, Response, current_app, request

from .. import runtime
from ..auth.allowance import Allowance
from ..auth.authorize import authorize_subscribe_sync
from ..auth.guard import Guard
from ..endpoint.health import health
from ..endpoint.http import HttpAnswer
from ..endpoint.poke import ROUTE, answer, route
from ..endpoint.routes import HEALTH, TOKEN
from ..protocol import Rejection
from ..runtime import Runtime
from ..transports.wsgi import body_of, head_of, request_of, serve_http, serve_websocket
from .csrf import exempt_from_csrf

_EXTENSION = "dash_pipe.views"  # the extensions' key for our views, by endpoint

View = Callable[[], Response]


def add_endpoint(server: Flask, path: str, http_route: str | None, guard: Guard) -> None:
    """Add the endpoint below ``path``, which ends with ``_pipe/``. A second call does nothing."""
    rule = f"{path}ws"
    if rule in server.view_functions:
        return
    endpoint = Endpoint(server, guard)
    server.add_url_rule(
        rule, endpoint=rule, view_func=endpoint.websocket, methods=["GET"], websocket=True
    )
    for name, view in (("info", endpoint.info), (HEALTH, answer_health)):
        rule = f"{path}{name}"
        server.add_url_rule(rule, endpoint=rule, view_func=view, methods=["GET"])
    add_post(server, f"{path}poll", endpoint.poll)
    add_post(server, f"{path}{TOKEN}", endpoint.token)
    add_post(server, route(http_route, path), poke)


def poke() -> Response:
    """Publish the messages of the request."""
    return _response(answer(runtime.current(), request_of(request.environ, ROUTE)))


def answer_health() -> Response:
    """Tell an orchestrator whether this process can serve."""
    return _response(health(runtime.current()))


def _response(answer: HttpAnswer) -> Response:
    return Response(answer.body, answer.status, answer.headers, mimetype="application/json")


class Endpoint:
    """The views of one app's endpoint."""

    def __init__(self, server: Flask, guard: Guard) -> None:
        self._server = server
        self._guard = guard

    def websocket(self) -> Response:
        """Give the request's socket to the loop thread, or answer why that fails."""
        current = runtime.current()
        kept = Kept(self._server, request.environ)
        rejection = self._rejection(current, kept)
        open_request = kept if current.settings.restricts_listening else None
        answer = serve_websocket(current, request.environ, rejection, open_request)
        return Response(answer.body, answer.status, answer.headers, mimetype="text/plain")

    def info(self) -> Response:
        """Describe the endpoint."""
        return self._http("info")

    def poll(self) -> Response:
        """Answer a poll."""
        return self._http("poll")

    def token(self) -> Response:
        """Give a page a fresh token."""
        return self._http(TOKEN)

    def _http(self, path: str) -> Response:
        current = runtime.current()
        kept = Kept(self._server, request.environ)
        allowance = Allowance(current.settings.authorize_timeout)
        authorize = partial(authorize_subscribe_sync, current, kept, allowance=allowance)
        rejection = self._rejection(current, kept)
        return _response(serve_http(current, request.environ, path, rejection, authorize))

    def _rejection(self, current: Runtime, kept: Kept) -> Rejection | None:
        return self._guard.rejection_sync(current, head_of(request.environ), kept)


class Kept:
    """Keep a request for calls of the app, which are also made after the request was answered.

    A call opens the request again: in that context Flask's ``request`` and ``session``, and what
    depends on them (Flask-Login's ``current_user``), are those of the browser. The application
    context is new, and torn down after the call: it gives back its database connections, and a
    user whom an extension has cached there is looked up again.
    """

    def __init__(self, server: Flask, environ: Mapping[str, Any]) -> None:
        self._server = server
        # Without the server's sockets and streams, which belong to its next request later.
        self._environ = {
            key: value for key, value in environ.items() if isinstance(value, str | int | tuple)
        }

    @contextmanager
    def __call__(self) -> Iterator[Request]:
        """Open the request; see ``OpenRequest``."""
        environ = {**self._environ, "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO()}
        # Its own application context: the request would use that of the thread, if it has one.
        with self._server.app_context(), self._server.request_context(environ):
            yield request._get_current_object()  # type: ignore[attr-defined]


def add_post(server: Flask, rule: str, view: View) -> None:
    """Add a rule for a POST of ours that the app's hooks do not break. A second call does nothing.

    Two things in an app would break it: CSRF protection, which does not know our pages, and a hook
    that reads the body and leaves none (``request.form`` is enough, since curl calls every body a
    form). Flask runs URL value preprocessors before both.

    Args:
        server: the server.
        rule: the path; a slash at its end is optional.
        view: a function with a name. It is exempt from CSRF protection, so it has to authenticate
            its requests.
    """
    if rule in server.view_functions:
        return
    if _EXTENSION not in server.extensions:
        server.extensions[_EXTENSION] = {}
        server.url_value_preprocessor(_prepare)
    server.extensions[_EXTENSION][rule] = view
    # GET too: otherwise the app would answer it with its page.
    server.add_url_rule(
        rule, endpoint=rule, view_func=view, methods=["GET", "POST"], strict_slashes=False
    )


def _prepare(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    view = current_app.extensions[_EXTENSION].get(endpoint)
    if view is None:
        return
    body_of(request.environ)
    exempt_from_csrf(current_app.extensions, view)
