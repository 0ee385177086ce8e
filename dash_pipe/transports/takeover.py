"""Find the socket of a WSGI server, and take it over."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
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


def take_over(sock: socket.socket) -> tuple[socket.socket, Callable[[], None]]:
    """Take a server's socket, and give the server another in its place.

    Returns:
        A duplicate of the socket, and a function to call when the server has answered: it closes
        the other end of the socket in its place.
    """
    ours = socket.socket(fileno=os.dup(sock.fileno()))
    try:
        peer, stand_in = socket.socketpair()
        with stand_in:
            try:
                os.dup2(stand_in.fileno(), sock.fileno(), inheritable=False)
            except BaseException:
                peer.close()
                raise
    except BaseException:
        ours.close()
        raise
    ours.setblocking(False)
    return ours, peer.close


def is_descriptor(sock: socket.socket) -> bool:
    """Return whether a socket is a file descriptor. One that is not (Windows) stays in place."""
    try:
        os.fstat(sock.fileno())
    except OSError:
        return False
    return True
