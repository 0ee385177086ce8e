"""Ports that belong to a test from the start."""

import contextlib
import socket
import sys


class Port:
    """A port on 127.0.0.1 that no other process gets while this object lives.

    It holds a socket that is bound and does not listen. Linux never picks such a port for a bind
    to port 0 or a connect. A server can bind its number too, also after a restart, since all our
    servers set SO_REUSEADDR like the socket. So one way works for every server, instead of
    inherited descriptors or ports read from logs. Connections fail while no server listens.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]
        if sys.platform != "linux":  # on other systems the server could not bind it
            self._socket.close()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # no socket could be made
            self._socket.close()
