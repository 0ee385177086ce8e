"""Browsers that ask for messages and read nothing: plain sockets, which cost the test no time."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
from collections.abc import Iterator
from typing import Any

from conformance.cases import TEXT, frame
from dash_pipe.protocol import SUBPROTOCOL
from harness.wait import TIMEOUT

SUBSCRIBE = {"type": "subscribe", "channel": "room", "labels": None}
TRIPLET = {"type": "connection_triplet", "uid": "u", "label": "news", "channel_name": "room"}
KINDS = {"version 1": SUBSCRIBE, "django-plotly-dash": TRIPLET}
CLOSE = 8


class Silent:
    """One websocket whose browser reads only when it is told."""

    def __init__(self, port: int, kind: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        lines = ["GET /_pipe/ws HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket"]
        key = base64.b64encode(os.urandom(16)).decode()
        lines += ["Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        if kind == "version 1":
            lines.append(f"Sec-WebSocket-Protocol: {SUBPROTOCOL}")
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self._socket.recv(1)
            assert byte, head
            head += byte
        assert head.startswith(b"HTTP/1.1 101"), head
        self.say(KINDS[kind])

    def say(self, fields: dict[str, Any]) -> None:
        """Send a frame, unless the server has closed the connection."""
        with contextlib.suppress(OSError):
            self._socket.sendall(bytes.fromhex(frame(TEXT, json.dumps(fields).encode())))

    def frames(self, seconds: float) -> Iterator[tuple[int, bytes]]:
        """Yield the opcode and the payload of each frame, until the end or some silence."""
        self._socket.settimeout(seconds)
        data = b""
        with contextlib.suppress(OSError):
            while part := self._socket.recv(2**20):
                data += part
                while (split := _split(data)) is not None:
                    opcode, payload, data = split
                    yield opcode, payload

    def close(self) -> None:
        self._socket.close()


def _split(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Return the first frame of a server's bytes, and the rest; None if it is not whole."""
    if len(data) < 2:
        return None
    start, size = 2, data[1]
    if size == 126:
        start, size = 4, int.from_bytes(data[2:4], "big")
    elif size == 127:
        start, size = 10, int.from_bytes(data[2:10], "big")
    if len(data) < start + size:
        return None
    return data[0] & 15, data[start : start + size], data[start + size :]


@contextlib.contextmanager
def silent(count: int, port: int, kind: str) -> Iterator[list[Silent]]:
    """Open a number of them while inside."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            one = Silent(port, kind)
            stack.callback(one.close)
            opened.append(one)
        yield opened
