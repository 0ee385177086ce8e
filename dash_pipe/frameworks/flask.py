"""The endpoint on a Flask server. Flask's ``before_request`` guards it as it guards every route."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

from flask import Flask, Request, Response, request

from .. import runtime
from ..auth.authorize import authorize_subscribe_sync
from ..auth.guard import Guard
from ..auth.origin import Rejection
from ..endpoint.http import HttpAnswer
from ..endpoint.poke import ROUTE, answer, route
from ..transports.wsgi import headers_of, request_of, serve_http, serve_websocket
from .flask_post import add_post


def add_endpoint(server: Flask, path: str, guard: Guard) -> None:
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
    add_post(server, route(runtime.current().http_route, path), poke)


def poke() -> Response:
    """Send what the request brings."""
    return _response(answer(request_of(request.environ, ROUTE)))


def _response(answer: HttpAnswer) -> Response:
    return Response(answer.body, answer.status, answer.headers, mimetype="application/json")


class Endpoint:
    """The views of one app's endpoint."""

    def __init__(self, server: Flask, guard: Guard) -> None:
        self._server = server
        self._guard = guard

    def websocket(self) -> Response:
        """Hand the request's socket to the loop thread, or say why not."""
        kept = Kept(self._server, request.environ) if self._guard.authorizes else None
        answer = serve_websocket(request.environ, self._rejection(), kept)
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
        authorize = partial(authorize_subscribe_sync, partial(nullcontext, request))
        return _response(serve_http(request.environ, path, self._rejection(), authorize))

    def _rejection(self) -> Rejection | None:
        return self._guard.rejection_now(headers_of(request.environ), request)


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
