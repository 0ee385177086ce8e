"""A WSGI server's socket: where it is, whether it can be taken over, and how."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

# Where a server puts the client's socket.
_SOCKET_KEYS = ("werkzeug.socket", "gunicorn.socket")


def find_socket(environ: Mapping[str, Any]) -> tuple[socket.socket | None, str]:
    """The client's socket, if it can be taken over; else ``None`` and why not, with the way out."""
    sock = next((environ[key] for key in _SOCKET_KEYS if key in environ), None)
    if not isinstance(sock, socket.socket):
        server = environ.get("SERVER_SOFTWARE") or "this server"
        reason = f"{server} does not let an app use its sockets"
    elif hasattr(sock, "getpeercert"):  # ssl.SSLSocket, without importing ssl to tell
        reason = "TLS ends inside this server, and an encrypted socket can't be handed on"
    elif not is_descriptor(sock) and not environ.get("wsgi.multithread"):
        reason = "one browser would hold the only thread of this server"
    else:
        return sock, ""
    way_out = (
        "run the app with gunicorn, with TLS in a proxy before it; or, on an ASGI server, mount "
        "dash_pipe.asgi_app() at the app's _pipe"
    )
    return None, f"dash-pipe can't open a websocket here: {reason}. The way out: {way_out}."


def take_over(sock: socket.socket) -> tuple[socket.socket, Callable[[], None]]:
    """Take a server's socket from under it.

    Returns:
        The socket as ours, and a function to call when the server is done: it closes the other
        end of what the server writes to now.
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
    """Whether a socket is a file descriptor, and so can be taken over; on Windows it is not."""
    try:
        os.fstat(sock.fileno())
    except OSError:
        return False
    return True
