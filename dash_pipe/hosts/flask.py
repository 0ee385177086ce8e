"""The endpoint on a Flask server. Flask's ``before_request`` guards it as it guards every route."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Flask, Request, Response, request

from .guard import Guard
from .wsgi import headers_of, serve_websocket


def add_endpoint(server: Flask, path: str, guard: Guard) -> None:
    """Add the endpoint below ``path`` (which ends with ``_pipe/``), once."""
    rule = f"{path}ws"
    if rule not in server.view_functions:
        view = Endpoint(server, guard).websocket
        server.add_url_rule(rule, endpoint=rule, view_func=view, methods=["GET"], websocket=True)


class Endpoint:
    """The views of one app's endpoint."""

    def __init__(self, server: Flask, guard: Guard) -> None:
        self._server = server
        self._guard = guard

    def websocket(self) -> Response:
        """Hand the request's socket to the loop thread, or say why not."""
        environ = request.environ
        guard = self._guard
        refusal = guard.refusal(headers_of(environ))
        if refusal is None and guard.connect_hooks():
            refusal = asyncio.run(guard.connect_refusal(request))
        kept = Kept(self._server, environ) if guard.authorizes else None
        answer = serve_websocket(environ, refusal, kept)
        response = Response(answer.body, status=answer.status, mimetype="text/plain")
        response.call_on_close(answer.done)
        return response


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
