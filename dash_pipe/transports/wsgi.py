"""Serve websockets on WSGI servers that show their socket: werkzeug and gunicorn.

A WSGI server gives a thread, or a whole worker, to each request until it is answered; a websocket
would occupy it for ever. So the socket is taken over: a duplicate of it goes to the loop thread, or
under gevent to a greenlet, and a broken one takes its place. The server fails to write its
"response", closes that and is free again. A socket that is no file descriptor is served by the
thread of its request. This module does not know Flask: it takes an environ and returns an answer.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Thread
from typing import Any

from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from werkzeug.wsgi import get_input_stream

from ..auth.addresses import address_of
from ..auth.call_app import OpenRequest
from ..auth.origin import RequestHead
from ..concurrency import greenlets
from ..endpoint.http import MAX_BODY_BYTES, HttpAnswer, HttpRequest
from ..endpoint.poll import AuthorizeSubscribe
from ..endpoint.routes import answer
from ..protocol import Rejection
from ..runtime import Runtime
from ..serving import note_page
from ..telemetry.events import log_event
from . import takeover
from .framing import websocket
from .loop_thread import loop_thread
from .thread_hub import thread_hub
from .thread_socket import ThreadSocket

_BODY = "dash_pipe.body"  # the environ's key for the body that was read
# The headers of a handshake. The other headers are for the app alone.
_HEADERS = {
    "Host": "HTTP_HOST",
    "Origin": "HTTP_ORIGIN",
    "Sec-WebSocket-Key": "HTTP_SEC_WEBSOCKET_KEY",
    "Sec-WebSocket-Version": "HTTP_SEC_WEBSOCKET_VERSION",
    "Sec-WebSocket-Protocol": "HTTP_SEC_WEBSOCKET_PROTOCOL",
}
_SPOKEN = {"Sec-WebSocket-Version": "13"}  # RFC 6455, 4.4: for a client of another version


@dataclass(frozen=True)
class Answer:
    """The answer for the server to send. After a takeover it only ends the request there."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


def headers_of(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a request, by lower-case name."""
    return {
        key.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_") or key in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }


def head_of(environ: Mapping[str, Any]) -> RequestHead:
    """Return the head of a request, for its guard."""
    headers = headers_of(environ)
    # A page can't send this header of a handshake; our view for websockets needs it.
    is_websocket = "sec-websocket-key" in headers
    peer = environ.get("REMOTE_ADDR") or None  # a unix socket has an empty one
    return RequestHead(headers, environ.get("wsgi.url_scheme", ""), is_websocket, peer)


def serve_websocket(
    runtime: Runtime,
    environ: Mapping[str, Any],
    rejection: Rejection | None = None,
    open_request: OpenRequest | None = None,
) -> Answer:
    """Take over the websocket of a request; return the answer for the server.

    Args:
        runtime: owns the hub for the browser.
        environ: of a request for a websocket. Only a GET opens one.
        rejection: why the browser is rejected, if it is.
        open_request: opens the request for ``authorize``; ``None`` if there is no ``authorize``.

    Returns:
        101 if the socket was taken over, or the websocket has ended already; 400 for a malformed
        handshake; 501 if this server can't open websockets, which is logged once with a remedy.
    """
    ws, response = _handshake(environ)
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        body = response.body.decode() if response.body else ""
        return Answer(response.status_code, body, _SPOKEN)
    note_page(runtime)
    sock, reason = takeover.find_socket(environ)
    if sock is None:
        runtime.diagnostics.warn_once(reason, log_event("websocket_impossible"))
        return Answer(HTTPStatus.NOT_IMPLEMENTED, reason)
    forwarded = {"x-forwarded-for": environ.get("HTTP_X_FORWARDED_FOR", "")}
    address = address_of(runtime, forwarded, environ.get("REMOTE_ADDR"))
    rest = (rejection, open_request, address)
    if not takeover.is_descriptor(sock):
        ThreadSocket(thread_hub(runtime), sock, (ws, response), *rest).serve()
        return Answer(HTTPStatus.SWITCHING_PROTOCOLS, "")
    ours = takeover.take_over(sock)
    try:
        _serve_later(runtime, ours, (ws, response), *rest)
    except BaseException:
        ours.close()
        raise
    return Answer(HTTPStatus.SWITCHING_PROTOCOLS, "")


def _serve_later(
    runtime: Runtime,
    sock: socket.socket,
    handshake: tuple[ServerProtocol, Response],
    rejection: Rejection | None,
    open_request: OpenRequest | None,
    address: str | None,
) -> None:
    """Give a socket that was taken over to the loop thread, or under gevent to a greenlet."""
    if greenlets.are_threads():
        sock.setblocking(True)  # under gevent: other greenlets run while it waits
        hub = thread_hub(runtime)
        browser = ThreadSocket(hub, sock, handshake, rejection, open_request, address)
        Thread(target=_serve_and_close, args=(browser, sock), daemon=True).start()
    else:
        # Without the context of the request, which would last as long as the socket.
        adopt = loop_thread(runtime).adopt
        Context().run(adopt, sock, *handshake, rejection, open_request, address)


def body_of(environ: dict[str, Any]) -> bytes:
    """Return the body of a request, cut to ``MAX_BODY_BYTES + 1`` bytes.

    It can be read again from the environ, by us and by the app.
    """
    if _BODY not in environ:
        body = get_input_stream(environ).read(MAX_BODY_BYTES + 1)
        environ[_BODY], environ["wsgi.input"] = body, io.BytesIO(body)
    kept: bytes = environ[_BODY]
    return kept


def request_of(environ: dict[str, Any], path: str) -> HttpRequest:
    """Return the request of an environ; ``path`` is the part after ``_pipe/``."""
    peer = environ.get("REMOTE_ADDR") or None  # a unix socket has an empty one
    return HttpRequest(environ["REQUEST_METHOD"], path, headers_of(environ), body_of(environ), peer)


def serve_http(
    runtime: Runtime,
    environ: dict[str, Any],
    path: str,
    rejection: Rejection | None,
    authorize: AuthorizeSubscribe,
) -> HttpAnswer:
    """Answer a plain HTTP request.

    Args:
        runtime: has the settings and the broker.
        environ: of the request; the body is read from it.
        path: the part after ``_pipe/``, one of ``endpoint.ROUTES``.
        rejection: why the page is rejected, if it is.
        authorize: returns the denied labels of a subscribe.
    """
    note_page(runtime)
    request = request_of(environ, path)
    _, obstacle = takeover.find_socket(environ)
    return answer(runtime, request, obstacle=obstacle, rejection=rejection, authorize=authorize)


def _serve_and_close(browser: ThreadSocket, sock: socket.socket) -> None:
    with sock:
        browser.serve()


def _handshake(environ: Mapping[str, Any]) -> tuple[ServerProtocol, Response]:
    """Check a handshake with websockets, from the headers that the server has parsed."""
    protocol = environ.get("SERVER_PROTOCOL") or "HTTP/1.1"
    lines = [f"GET / {protocol}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"{name}: {environ[key]}" for name, key in _HEADERS.items() if environ.get(key)]
    ws = websocket()
    ws.receive_data("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))
    events = ws.events_received() if environ["REQUEST_METHOD"] == "GET" else []
    if not events or not isinstance(events[0], Request):
        return ws, ws.reject(HTTPStatus.BAD_REQUEST, "Expected a websocket handshake.\n")
    return ws, ws.accept(events[0])
