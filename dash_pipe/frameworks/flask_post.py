"""Routes of a Flask server that take a POST of ours, whatever the app does with its requests.

Two things of an app stand in their way: protection against forged forms, which knows no page of
ours, and a hook that reads the body (``request.form`` is enough, as curl calls every body a form),
which leaves nothing behind. Flask runs URL value preprocessors before all that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, request

from ..transports.wsgi import body_of
from .csrf import exempt_from_csrf

_EXTENSION = "dash_pipe.views"  # where a server's views are kept: by endpoint

View = Callable[[], Response]


def add_post(server: Flask, rule: str, view: View) -> None:
    """Add a rule that takes a POST, once.

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
