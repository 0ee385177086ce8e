"""The endpoint on a Flask server. Flask's ``before_request`` guards it as it guards every route."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

from flask import Flask, Request, Response, current_app, request

from .. import runtime
from ..auth.authorize import authorize_subscribe_sync
from ..auth.guard import Guard
from ..endpoint.http import HttpAnswer
from ..endpoint.poke import ROUTE, answer, route
from ..protocol import Rejection
from ..runtime import Runtime
from ..transports.wsgi import body_of, headers_of, request_of, serve_http, serve_websocket
from .csrf import exempt_from_csrf

_EXTENSION = "dash_pipe.views"  # where a server's views are kept: by endpoint

View = Callable[[], Response]


def add_endpoint(server: Flask, path: str, http_route: str | None, guard: Guard) -> None:
    """Add the endpoint below ``path`` (which ends with ``_pipe/``), once."""
    rule = f"{path}ws"
    if rule in server.view_functions:
        return
    endpoint = Endpoint(server, guard)
    server.add_url_rule(
        rule, endpoint=rule, view_func=endpoint.websocket, methods=["GET"], websocket=True
    )
    rule = f"{path}info"
    server.add_url_rule(rule, endpoint=rule, view_func=endpoint.info, methods=["GET"])
    add_post(server, f"{path}poll", endpoint.poll)
    add_post(server, route(http_route, path), poke)


def poke() -> Response:
    """Send what the request brings."""
    return _response(answer(runtime.current(), request_of(request.environ, ROUTE)))


def _response(answer: HttpAnswer) -> Response:
    return Response(answer.body, answer.status, answer.headers, mimetype="application/json")


class Endpoint:
    """The views of one app's endpoint."""

    def __init__(self, server: Flask, guard: Guard) -> None:
        self._server = server
        self._guard = guard

    def websocket(self) -> Response:
        """Hand the request's socket to the loop thread, or say why not."""
        current = runtime.current()
        asks = current.settings.authorize is not None
        kept = Kept(self._server, request.environ) if asks else None
        answer = serve_websocket(current, request.environ, self._rejection(current), kept)
        response = Response(answer.body, status=answer.status, mimetype="text/plain")
        response.call_on_close(answer.done)
        return response

    def info(self) -> Response:
        """Say what the endpoint is."""
        return self._http("info")

    def poll(self) -> Response:
        """Answer a poll."""
        return self._http("poll")

    def _http(self, path: str) -> Response:
        current = runtime.current()
        authorize = partial(authorize_subscribe_sync, current, partial(nullcontext, request))
        rejection = self._rejection(current)
        return _response(serve_http(current, request.environ, path, rejection, authorize))

    def _rejection(self, current: Runtime) -> Rejection | None:
        return self._guard.rejection_sync(current, headers_of(request.environ), request)


class Kept:
    """A request that outlives its answer: what ``authorize`` is given whenever it is asked.

    Called, it opens the request anew: in that context Flask's ``request``, ``session`` and what
    hangs on them (Flask-Login's ``current_user``) are those of the browser.
    """

    def __init__(self, server: Flask, environ: Mapping[str, Any]) -> None:
        self._server = server
        # Nothing of the server's: its sockets and streams belong to the next request by now.
        self._environ = {
            key: value for key, value in environ.items() if isinstance(value, str | int | tuple)
        }

    @contextmanager
    def __call__(self) -> Iterator[Request]:
        """Open the request; see ``OpenRequest``."""
        environ = {**self._environ, "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO()}
        with self._server.request_context(environ):
            yield request._get_current_object()  # type: ignore[attr-defined]


def add_post(server: Flask, rule: str, view: View) -> None:
    """Add a rule that takes a POST of ours, whatever the app does with its requests; once.

    Two things of an app stand in the way: protection against forged forms, which knows no page of
    ours, and a hook that reads the body (``request.form`` is enough, as curl calls every body a
    form), which leaves nothing behind. Flask runs URL value preprocessors before all that.

    Args:
        server: where to.
        rule: its path; a slash at its end may be left out.
        view: a function with a name, under which it is exempt from protection against forged
            forms. It is the view's own business to tell whom a request is from.
    """
    if rule in server.view_functions:
        return
    if _EXTENSION not in server.extensions:
        server.extensions[_EXTENSION] = {}
        server.url_value_preprocessor(_prepare)
    server.extensions[_EXTENSION][rule] = view
    # GET too, so that it is not the app's page that answers it.
    server.add_url_rule(
        rule, endpoint=rule, view_func=view, methods=["GET", "POST"], strict_slashes=False
    )


def _prepare(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    view = current_app.extensions[_EXTENSION].get(endpoint)
    if view is None:
        return
    body_of(request.environ)
    exempt_from_csrf(current_app.extensions, view)
