"""The endpoint on a Flask server. Flask's ``before_request`` guards it as it guards every route."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from flask import Flask, Request, Response, request

from ..access import Refusal
from ..endpoint import ROUTES
from .guard import Guard, refused_now
from .wsgi import headers_of, serve_http, serve_websocket


def add_endpoint(server: Flask, path: str, guard: Guard) -> None:
    """Add the endpoint below ``path`` (which ends with ``_pipe/``), once."""
    rule = f"{path}ws"
    if rule in server.view_functions:
        return
    endpoint = Endpoint(server, guard)
    server.add_url_rule(
        rule, endpoint=rule, view_func=endpoint.websocket, methods=["GET"], websocket=True
    )
    for name, method in ROUTES.items():
        rule = f"{path}{name}"
        view = partial(endpoint.http, name)
        server.add_url_rule(rule, endpoint=rule, view_func=view, methods=[method])


class Endpoint:
    """The views of one app's endpoint."""

    def __init__(self, server: Flask, guard: Guard) -> None:
        self._server = server
        self._guard = guard

    def websocket(self) -> Response:
        """Hand the request's socket to the loop thread, or say why not."""
        kept = Kept(self._server, request.environ) if self._guard.authorizes else None
        answer = serve_websocket(request.environ, self._refusal(), kept)
        response = Response(answer.body, status=answer.status, mimetype="text/plain")
        response.call_on_close(answer.done)
        return response

    def http(self, path: str) -> Response:
        """Answer what is no websocket."""
        permit = partial(refused_now, request)
        answer = serve_http(request.environ, path, self._refusal(), permit)
        return Response(answer.body, answer.status, answer.headers, mimetype="application/json")

    def _refusal(self) -> Refusal | None:
        return self._guard.refusal_now(headers_of(request.environ), request)


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
