"""Send HTTP requests to a running app or gateway, below the base of its endpoint."""

from __future__ import annotations

import json
import os
import urllib.request
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError

from ..client.connection_errors import AWAY
from ..protocol.address import EXAMPLE, endpoint_base, is_absolute
from .exits import Exit, Failure

TIMEOUT = 10.0  # seconds that an answer may take
MAX_ANSWER_BYTES = 1024 * 1024
# Read only from the environment: every user of a machine can see a command line.
TOKEN = "DASH_PIPE_HTTP_POKE_TOKEN"

_MESSAGE_IS_WRONG = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: it would turn a POST into a GET, and give the token to another server."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def base_of(url: str) -> str:
    """Return the base of an endpoint from the value of ``--url``.

    Raises:
        Failure: it is no address, or has no host.
    """
    try:
        base = endpoint_base(url)
    except ValueError as error:
        raise Failure(Exit.USAGE, f"--url: {error}") from None
    if not is_absolute(base):
        raise Failure(Exit.USAGE, f"--url: expected an address such as {EXAMPLE}, got {url!r}")
    return base


def post_message(
    base: str, channel: str, label: str, value: Any, message_id: str | None = None
) -> None:
    """Send a message through the poke of an endpoint.

    Raises:
        Failure: it was not sent; the text has the server's answer.
    """
    message = {"channel_name": channel, "label": label, "value": value}
    if message_id is not None:
        message["message_id"] = message_id
    address = f"{base}poke/"
    status, answer = request(address, json.dumps(message).encode(), poke_headers())
    if status == HTTPStatus.OK and "positions" in answer:
        return
    if status in AWAY:
        code = Exit.UNREACHABLE
    else:
        wrong = status in _MESSAGE_IS_WRONG and "error" in answer
        code = Exit.NOT_SENT if wrong else Exit.USAGE
    raise Failure(
        code, f"{address} answered HTTP {status}: {answer.get('error') or not_an_endpoint()}"
    )


def not_an_endpoint() -> str:
    """Return the text for an answer that does not come from an endpoint of ours."""
    return (
        "that is not a dash-pipe endpoint. Expected the base of an endpoint, which ends with "
        f"_pipe/, such as {EXAMPLE}, or is /<ws_route>/ in Django, by default /dpd/ws/channel/"
    )


def poke_headers() -> dict[str, str]:
    """Return the headers of a poke, with the token if the environment has one."""
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get(TOKEN):
        headers["Authorization"] = f"Bearer {token}"
    return headers


def request(
    url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Send a request; return the status and the JSON object of the answer, {} if it has none.

    Raises:
        Failure: no server answers at the URL.
    """
    request = urllib.request.Request(url, body, headers or {})
    try:
        try:
            answer = _opener.open(request, timeout=TIMEOUT)
        except HTTPError as error:
            answer = error
        with answer:
            status, text = answer.status, answer.read(MAX_ANSWER_BYTES)
            if location := answer.headers.get("Location"):
                return status, {"error": f"the server redirects to {location}"}
    except (URLError, OSError) as error:
        raise Failure(Exit.UNREACHABLE, f"{url} can't be reached: {error}") from None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return status, {}
    return status, found if isinstance(found, dict) else {}
