"""Route the plain HTTP requests to the endpoint: info, poll, token. Every host calls ``answer``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from ..protocol import SUBPROTOCOL, Close, Rejection
from ..runtime import Runtime
from ..telemetry.statistics import note_close
from ..version import __version__
from .fresh_token import fresh_token
from .health import broker_health, health
from .http import HttpAnswer, HttpRequest, error_response
from .poll import AuthorizeSubscribe, poll
from .poll_turns import PollTurns, TurnTimeoutError

HEALTH = "health"
TOKEN = "token"
POLL = "poll"
ROUTES: Mapping[str, str] = {"info": "GET", POLL: "POST", TOKEN: "POST", HEALTH: "GET"}
"""The method of each path below ``_pipe/``."""


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
        runtime: has the settings and the broker.
        request: the request of the browser.
        obstacle: why this server can't open a websocket, and what to do; empty if it can.
        rejection: why the page may not use the endpoint; None if it may.
        authorize: returns the labels of a subscribe that the app denies.
    """
    if request.path == HEALTH and request.method in ("GET", "HEAD"):
        return health(runtime)
    if request.method != ROUTES[request.path]:
        status = HTTPStatus.METHOD_NOT_ALLOWED
        return HttpAnswer(status, "{}", {"Allow": ROUTES[request.path]})
    if rejection is not None:
        # Without CORS headers: the page must not read this.
        note_close(runtime, *rejection)
        return error_response(HTTPStatus.FORBIDDEN, *rejection)
    if request.path == "info":
        interval = runtime.settings.poll_interval
        found = info(obstacle, interval, runtime.part(broker_health).problem())
    elif request.path == TOKEN:
        found = fresh_token(runtime, request, authorize)
    else:
        found = _counted_poll(runtime, request, authorize)
        if found.status != HTTPStatus.OK:
            closed = json.loads(found.body)
            note_close(runtime, closed["code"], closed["reason"])
    return found._replace(headers=_readable(request))


def _counted_poll(
    runtime: Runtime, request: HttpRequest, authorize: AuthorizeSubscribe
) -> HttpAnswer:
    counters, interval = runtime.counters, runtime.settings.poll_interval
    counters.add("polls")
    traffic = counters.open_traffic()
    turn = runtime.part(PollTurns).turn()
    try:
        return poll(
            request,
            runtime.broker,
            runtime.policy,
            interval,
            authorize,
            traffic,
            turn,
            runtime.audience,
        )
    except TurnTimeoutError:
        reason = "too many polls at once; the page will retry"
        return error_response(HTTPStatus.SERVICE_UNAVAILABLE, Close.TRY_LATER, reason)
    finally:
        counters.close_traffic(traffic)


def info(obstacle: str, interval: float, problem: str) -> HttpAnswer:
    """Describe the endpoint: 200 if all is well, 503 if the broker is away.

    Args:
        obstacle: why this server can't open a websocket, and what to do; empty if it can.
        interval: seconds between two polls.
        problem: why the broker is away; empty if it answers.
    """
    facts = {
        "status": problem or "ok",
        "version": __version__,
        "protocol": SUBPROTOCOL,
        "websocket": not obstacle,
        "reason": obstacle,
        "poll": "poll",  # relative to this address
        "interval": interval,
    }
    status = HTTPStatus.SERVICE_UNAVAILABLE if problem else HTTPStatus.OK
    return HttpAnswer(status, json.dumps(facts))


def _readable(request: HttpRequest) -> Mapping[str, str]:
    """Return headers that let the page read the answer, also from an allowed origin (CORS)."""
    headers = {"Cache-Control": "no-store"}
    if origin := request.headers.get("origin"):
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Credentials"] = "true"
    return headers
