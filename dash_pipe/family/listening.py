"""Find the sockets on which this process accepts connections: without one it serves no page."""

from __future__ import annotations

import _socket  # gevent replaces the other, which changes the sockets that it wraps
import os
import stat

DESCRIPTORS = "/dev/fd"


def addresses() -> frozenset[str] | None:
    """Return the addresses of all sockets that listen; ``None`` if the system does not tell."""
    try:
        descriptors = os.listdir(DESCRIPTORS)
    except OSError:  # Windows
        return None
    found = (_address(int(each)) for each in descriptors if each.isdecimal())
    return frozenset(address for address in found if address is not None)


def _address(descriptor: int) -> str | None:
    """Return the address if a descriptor is a socket that listens."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        is_blocking = os.get_blocking(descriptor)
        sock = _socket.socket(fileno=os.dup(descriptor))
    except OSError:  # closed meanwhile
        return None
    try:
        if _socket.getdefaulttimeout() is not None:  # then the new object has changed it
            os.set_blocking(descriptor, is_blocking)
        listens = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN)
        return repr(sock.getsockname()) if listens else None
    except OSError:
        return None
    finally:
        sock.close()
