"""Find the socket of a WSGI server, and take it over."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

# The servers' keys for the client's socket.
_SOCKET_KEYS = ("werkzeug.socket", "gunicorn.socket")


def find_socket(environ: Mapping[str, Any]) -> tuple[socket.socket | None, str]:
    """Return the client's socket; ``None``, the reason and a remedy if it can't be taken over."""
    sock = next((environ[key] for key in _SOCKET_KEYS if key in environ), None)
    if not isinstance(sock, socket.socket):
        server = environ.get("SERVER_SOFTWARE") or "this server"
        reason = f"{server} does not let an app use its sockets"
    elif hasattr(sock, "getpeercert"):  # ssl.SSLSocket, without importing ssl to tell
        reason = "this server terminates TLS, and an encrypted socket can't be taken over"
    elif not is_descriptor(sock) and not environ.get("wsgi.multithread"):
        reason = "this server has one thread, and a browser would occupy it"
    else:
        return sock, ""
    remedy = (
        "run the app with gunicorn, with TLS in a proxy before it; or, on an ASGI server, mount "
        "dash_pipe.asgi_app() at the app's _pipe"
    )
    return None, f"dash-pipe can't open a websocket here: {reason}. To fix it, {remedy}."


def take_over(sock: socket.socket) -> socket.socket:
    """Take a server's socket; return a duplicate of it. In its place the server has a broken one.

    The server's answer fails (a broken pipe), as if the client had gone. So it ends the connection,
    and does not execute what it has read behind the handshake: those bytes are the websocket's.
    """
    ours = socket.socket(fileno=os.dup(sock.fileno()))
    try:
        peer, stand_in = socket.socketpair()
        with peer, stand_in:
            os.dup2(stand_in.fileno(), sock.fileno(), inheritable=False)
    except BaseException:
        ours.close()
        raise
    ours.setblocking(False)
    return ours


def is_descriptor(sock: socket.socket) -> bool:
    """Return whether a socket is a file descriptor. One that is not (Windows) stays in place."""
    try:
        os.fstat(sock.fileno())
    except OSError:
        return False
    return True
