"""Websockets on WSGI servers that show their socket: werkzeug's, and gunicorn's.

A WSGI server gives a thread, or a whole worker, to each request until it is answered; a websocket
would hold it for ever. So the socket is taken over: a duplicate of it goes to the loop thread, or
under gevent to a greenlet, one end of a socket pair is put in its place, and the server writes its
"response" into that, closes it and is free again. Where a socket is no file descriptor, it stays
where it is, and the thread of its request with it. No knowledge of Flask here: an environ in, an
answer out.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import Thread
from typing import Any

from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from werkzeug.wsgi import get_input_stream

from ..auth.call_app import OpenRequest
from ..concurrency import greenlets
from ..endpoint.http import MAX_BODY_BYTES, HttpAnswer, HttpRequest
from ..endpoint.poll import AuthorizeSubscribe
from ..endpoint.routes import answer
from ..protocol import Rejection
from ..runtime import Runtime
from . import takeover
from .framing import websocket
from .loop_thread import loop_thread
from .thread_hub import thread_hub
from .thread_socket import ThreadSocket

_BODY = "dash_pipe.body"  # where a request's body is kept
# The handshake as the websocket needs it; what else the browser sent concerns the app alone.
_HEADERS = {
    "Host": "HTTP_HOST",
    "Origin": "HTTP_ORIGIN",
    "Sec-WebSocket-Key": "HTTP_SEC_WEBSOCKET_KEY",
    "Sec-WebSocket-Version": "HTTP_SEC_WEBSOCKET_VERSION",
    "Sec-WebSocket-Protocol": "HTTP_SEC_WEBSOCKET_PROTOCOL",
}


@dataclass(frozen=True)
class Answer:
    """What the server is to send; ``done`` must be called when it was sent or given up.

    After a socket was taken over nobody reads the answer: it only ends the server's part.
    """

    status: int
    body: str
    done: Callable[[], None]


def headers_of(environ: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a request, by lower-case name."""
    return {
        key.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_") or key in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }


def serve_websocket(
    runtime: Runtime,
    environ: Mapping[str, Any],
    rejection: Rejection | None = None,
    open_request: OpenRequest | None = None,
) -> Answer:
    """Take the websocket of a request over, or say why not.

    Args:
        runtime: owns the hub that the browser is brought to.
        environ: of a GET request that asks for a websocket.
        rejection: why the browser may not stay, if so.
        open_request: brings the request back for ``authorize``; ``None`` where nobody asks.

    Returns:
        101 when the socket was taken over, or the websocket has ended already; 400 for a handshake
        that is none; 501 where this server can't do it, which is said in the log once, with the
        way out.
    """
    ws, response = _handshake(environ)
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        body = response.body.decode() if response.body else ""
        return Answer(response.status_code, body, _nothing)
    runtime.serves(multiprocess=bool(environ.get("wsgi.multiprocess")))
    sock, reason = takeover.find_socket(environ)
    if sock is None:
        runtime.diagnostics.warn_once(reason)
        return Answer(HTTPStatus.NOT_IMPLEMENTED, reason, _nothing)
    if not takeover.is_descriptor(sock):
        ThreadSocket(thread_hub(runtime), sock, (ws, response), rejection, open_request).serve()
        return Answer(HTTPStatus.SWITCHING_PROTOCOLS, "", _nothing)
    ours, done = takeover.take_over(sock)
    try:
        _serve_later(runtime, ours, (ws, response), rejection, open_request)
    except BaseException:
        ours.close()
        done()
        raise
    return Answer(HTTPStatus.SWITCHING_PROTOCOLS, "", done)


def _serve_later(
    runtime: Runtime,
    sock: socket.socket,
    handshake: tuple[ServerProtocol, Response],
    rejection: Rejection | None,
    open_request: OpenRequest | None,
) -> None:
    """Give a socket that was taken over to a thread of ours, or under gevent to a greenlet."""
    if greenlets.are_threads():
        sock.setblocking(True)  # to gevent: let others run meanwhile
        browser = ThreadSocket(thread_hub(runtime), sock, handshake, rejection, open_request)
        Thread(target=_serve_and_close, args=(browser, sock), daemon=True).start()
    else:
        loop_thread(runtime).adopt(sock, *handshake, rejection, open_request)


def body_of(environ: dict[str, Any]) -> bytes:
    """The body of a request, of which one byte more than is allowed at most is read.

    It stays there to be read, by us and by the app.
    """
    if _BODY not in environ:
        body = get_input_stream(environ).read(MAX_BODY_BYTES + 1)
        environ[_BODY], environ["wsgi.input"] = body, io.BytesIO(body)
    kept: bytes = environ[_BODY]
    return kept


def request_of(environ: dict[str, Any], path: str) -> HttpRequest:
    """The request of an environ; ``path`` is what follows ``_pipe/``."""
    peer = environ.get("REMOTE_ADDR") or None  # a unix socket has an empty one
    return HttpRequest(environ["REQUEST_METHOD"], path, headers_of(environ), body_of(environ), peer)


def serve_http(
    runtime: Runtime,
    environ: dict[str, Any],
    path: str,
    rejection: Rejection | None,
    authorize: AuthorizeSubscribe,
) -> HttpAnswer:
    """Answer a request that is no websocket.

    Args:
        runtime: whose settings and broker the answer is made with.
        environ: of the request; its body is read from there.
        path: what follows ``_pipe/``, one of ``endpoint.ROUTES``.
        rejection: why the page that asks may not use the endpoint, if so.
        authorize: what of a subscribe is refused.
    """
    runtime.serves(multiprocess=bool(environ.get("wsgi.multiprocess")))
    request = request_of(environ, path)
    _, obstacle = takeover.find_socket(environ)
    return answer(runtime, request, obstacle=obstacle, rejection=rejection, authorize=authorize)


def _serve_and_close(browser: ThreadSocket, sock: socket.socket) -> None:
    with sock:
        browser.serve()


def _handshake(environ: Mapping[str, Any]) -> tuple[ServerProtocol, Response]:
    """Let websockets judge the handshake, from what the server has parsed of it."""
    lines = ["GET / HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"{name}: {environ[key]}" for name, key in _HEADERS.items() if environ.get(key)]
    ws = websocket()
    ws.receive_data("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))
    events = ws.events_received()
    if not events or not isinstance(events[0], Request):
        return ws, ws.reject(HTTPStatus.BAD_REQUEST, "This is no websocket handshake.\n")
    return ws, ws.accept(events[0])


def _nothing() -> None:
    pass
