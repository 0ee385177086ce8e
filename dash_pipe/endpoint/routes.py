"""The plain-HTTP half of the endpoint: which request means what. Every host calls this."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from ..protocol import SUBPROTOCOL, Rejection
from ..runtime import Runtime
from ..version import __version__
from .http import HttpAnswer, HttpRequest, error_response
from .poll import AuthorizeSubscribe, poll

ROUTES: Mapping[str, str] = {"info": "GET", "poll": "POST"}
"""The method that each path below ``_pipe/`` takes."""

_BETWEEN = (
    "this server can open websockets, so what refuses them stands between it and the browser: a "
    "proxy or a firewall. The way out: have it pass on the headers Upgrade and Connection"
)


def answer(
    runtime: Runtime,
    request: HttpRequest,
    *,
    obstacle: str,
    rejection: Rejection | None,
    authorize: AuthorizeSubscribe,
) -> HttpAnswer:
    """Answer a request below ``_pipe/`` whose path is one of ``ROUTES``. May wait.

    Args:
        runtime: whose settings and broker the answer is made with.
        request: what the browser sent.
        obstacle: why this server can't open a websocket, and the way out; empty when it can.
        rejection: why the page that asks may not use the endpoint, if so.
        authorize: says which labels of a subscribe the app denies.
    """
    if request.method != ROUTES[request.path]:
        status = HTTPStatus.METHOD_NOT_ALLOWED
        return HttpAnswer(status, "{}", {"Allow": ROUTES[request.path]})
    if rejection is not None:
        # Without a word to the browser that the page may read this, so it can't.
        return error_response(HTTPStatus.FORBIDDEN, *rejection)
    interval = runtime.settings.poll_interval
    if request.path == "info":
        found = info(obstacle, interval)
    else:
        found = poll(request, runtime.broker, runtime.policy, interval, authorize)
    return found._replace(headers=_readable(request))


def info(obstacle: str, interval: float) -> HttpAnswer:
    """Describe the endpoint.

    Args:
        obstacle: why this server can't open a websocket, and the way out; empty when it can.
        interval: seconds between two polls.
    """
    facts = {
        "version": __version__,
        "protocol": SUBPROTOCOL,
        "websocket": not obstacle,
        "reason": obstacle or _BETWEEN,
        "poll": "poll",  # its address, seen from this one
        "interval": interval,
    }
    return HttpAnswer(HTTPStatus.OK, json.dumps(facts))


def _readable(request: HttpRequest) -> Mapping[str, str]:
    """Headers that let the page read the answer, also a page of an allowed origin elsewhere."""
    headers = {"Cache-Control": "no-store"}
    if origin := request.headers.get("origin"):
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Credentials"] = "true"
    return headers
