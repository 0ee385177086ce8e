"""Routes of a Flask server that take a POST of ours, whatever the app does with its requests.

Two things of an app stand in their way: protection against forged forms, which knows no page of
ours, and a hook that reads the body (``request.form`` is enough, as curl calls every body a form),
which leaves nothing behind. Flask runs URL value preprocessors before all that.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.wsgi import get_input_stream

from ..http import MAX_BODY_BYTES, HttpRequest
from .wsgi import headers_of

_BODY = "dash_pipe.body"  # where the body waits, in the environ
_EXTENSION = "dash_pipe.views"  # where a server's views are kept: by endpoint

View = Callable[[], Response]


def add_post(server: Flask, rule: str, view: View) -> None:
    """Add a rule that takes a POST, once.

    Args:
        server: where to.
        rule: its path; ``view`` is found without its slash at the end as well.
        view: a function of a module, under whose name it is exempt from Flask-WTF's CSRF
            protection. It is the view's own business to tell whom a request is from.
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


def request_at(path: str) -> HttpRequest:
    """The request that a view of ours is called for, where it is found below ``_pipe/``."""
    environ = request.environ
    peer = environ.get("REMOTE_ADDR") or None  # a unix socket has an empty one
    return HttpRequest(request.method, path, headers_of(environ), environ[_BODY], peer)


def _prepare(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    view = current_app.extensions[_EXTENSION].get(endpoint)
    if view is None:
        return
    environ = request.environ
    body = get_input_stream(environ).read(MAX_BODY_BYTES + 1)
    environ[_BODY] = body
    environ["wsgi.input"] = io.BytesIO(body)  # the app's hooks may read it too
    # Flask-WTF's; found late, as an app may add it any time, and by its looks, as it is optional.
    exempt = getattr(current_app.extensions.get("csrf"), "exempt", None)
    if callable(exempt):
        exempt(view)
