"""Ports that belong to a test, from the moment it learns their numbers."""

import contextlib
import socket
import sys


class Port:
    """A port on 127.0.0.1 that nobody else is given while this object lives.

    It holds a socket that is bound and does not listen. Linux gives such a port to nobody who
    binds port 0 or connects, and a server may bind its number beside the socket, as often as it
    is restarted: all of ours set SO_REUSEADDR, as the socket does. So this is one way for every
    server, where descriptors that are inherited and ports that are looked up in logs would be ten.
    Connections are refused as long as no server listens.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]
        if sys.platform != "linux":  # elsewhere the server could not bind it
            self._socket.close()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # no socket could be made
            self._socket.close()
