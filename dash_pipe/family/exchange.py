"""Exchange one message and its answer over a socket: two texts, each after its length."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

MAX_HEAD = 8192  # bytes; three names of 200 characters, escaped
_LENGTHS = struct.Struct("!II")


class TooLongError(Exception):
    """The other side announced more bytes than are allowed."""


def send(sock: socket.socket, head: dict[str, Any], value: str = "") -> None:
    """Send a head and a value."""
    first, second = json.dumps(head).encode(), value.encode()
    sock.sendall(_LENGTHS.pack(len(first), len(second)) + first + second)


def read(sock: socket.socket, limit: int, deadline: float) -> tuple[dict[str, Any], str]:
    """Return the head and the value that the other side sends.

    Args:
        sock: the socket.
        limit: number of bytes that the value may have.
        deadline: when to give up, on the monotonic clock.

    Raises:
        TooLongError: the value is longer than that.
        TimeoutError: it has not come by then.
        EOFError: the other side has closed the connection.
    """
    head_bytes, value_bytes = _LENGTHS.unpack(receive(sock, _LENGTHS.size, deadline))
    if head_bytes > MAX_HEAD or value_bytes > limit:
        raise TooLongError
    head: dict[str, Any] = json.loads(receive(sock, head_bytes, deadline))
    return head, receive(sock, value_bytes, deadline).decode()


def receive(sock: socket.socket, count: int, deadline: float) -> bytes:
    """Return so many bytes; see ``read`` for what it raises."""
    found = bytearray()
    while len(found) < count:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        part = sock.recv(count - len(found))
        if not part:
            raise EOFError
        found += part
    return bytes(found)
