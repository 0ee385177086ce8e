"""A running app or gateway, by the address of its endpoint: ``http://localhost:8050/_pipe/``."""

from __future__ import annotations

import json
import os
import urllib.request
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from .exits import Exit, Failure

TIMEOUT = 10.0  # seconds that an answer may take
MAX_ANSWER_BYTES = 1024 * 1024
# Read from the environment alone: everybody on a machine can see a command line.
TOKEN = "DASH_PIPE_HTTP_POKE_TOKEN"

_AWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
_MESSAGE_IS_WRONG = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would turn a POST into a GET, and hand the token to somebody else."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def endpoint(url: str) -> str:
    """The address of an endpoint, ending with a slash."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Failure(
            Exit.USAGE,
            f"--url: expected an address such as http://localhost:8050/_pipe/, got {url!r}",
        )
    return url if url.endswith("/") else f"{url}/"


def post_message(
    url: str, channel: str, label: str, value: Any, message_id: str | None = None
) -> None:
    """Send a message through an endpoint's poke.

    Raises:
        Failure: it was not sent; says what the server said.
    """
    message = {"channel_name": channel, "label": label, "value": value}
    if message_id is not None:
        message["message_id"] = message_id
    status, answer = request(f"{url}poke/", json.dumps(message).encode(), poke_headers())
    if status == HTTPStatus.OK:
        return
    reason = answer.get("error") or "is this the address of the endpoint, which ends with _pipe/ ?"
    if status in _MESSAGE_IS_WRONG:
        code = Exit.NOT_SENT
    else:
        code = Exit.UNREACHABLE if status in _AWAY else Exit.USAGE
    raise Failure(code, f"{url}poke/ answered {status}: {reason}")


def poke_headers() -> dict[str, str]:
    """What goes with a poke: the token, if the environment has one."""
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get(TOKEN):
        headers["Authorization"] = f"Bearer {token}"
    return headers


def request(
    url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Ask a server; return the status and the JSON object of its answer, empty if it is none.

    Raises:
        Failure: no server answers there.
    """
    asked = urllib.request.Request(url, body, headers or {})
    try:
        try:
            answer = _opener.open(asked, timeout=TIMEOUT)
        except HTTPError as error:
            answer = error
        with answer:
            status, text = answer.status, answer.read(MAX_ANSWER_BYTES)
            if location := answer.headers.get("Location"):
                return status, {"error": f"the server sends us on to {location}"}
    except (URLError, OSError) as error:
        raise Failure(Exit.UNREACHABLE, f"{url} can't be reached: {error}") from None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return status, {}
    return status, found if isinstance(found, dict) else {}
