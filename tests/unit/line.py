"""A browser on a real socket, driven by the sans-IO client of websockets."""

import json
import socket
from typing import Any

from websockets.frames import Opcode
from websockets.http11 import Request

from dash_pipe.client import encode
from dash_pipe.client.handshake import client_protocol
from dash_pipe.protocol import Subscribe
from dash_pipe.transports.framing import websocket
from harness.wait import TIMEOUT


class Line:
    """The browser's end of a socket pair; `theirs` and `handshake` are the server's."""

    def __init__(self, subprotocol: str | None = None) -> None:
        self.sock, self.theirs = socket.socketpair()
        self.sock.settimeout(TIMEOUT)
        self.events: list[Any] = []
        offered = [subprotocol] if subprotocol else []
        self.ws = client_protocol("ws://app.org/", subprotocols=offered)
        self.ws.send_request(self.ws.connect())
        self._asking = b"".join(self.ws.data_to_send())
        server = websocket()
        server.receive_data(self._asking)
        (request,) = server.events_received()
        assert isinstance(request, Request)
        self.handshake = (server, server.accept(request))

    def ask(self) -> None:
        """Send the handshake, for a server that parses it."""
        self.sock.sendall(self._asking)

    def next(self) -> Any:
        """Return the next event: the answer to the handshake, then frames."""
        while not self.events:
            data = self.sock.recv(65536)
            self.ws.receive_data(data) if data else self.ws.receive_eof()
            self.events += self.ws.events_received()
        return self.events.pop(0)

    def frame(self) -> dict[str, Any]:
        event = self.next()
        assert event.opcode is Opcode.TEXT
        frame: dict[str, Any] = json.loads(event.data)
        return frame

    def send(self, data: bytes) -> None:
        self.ws.send_text(data)
        self.flush()

    def flush(self) -> None:
        """Send the client's pending bytes, such as its answer to a close."""
        self.sock.sendall(b"".join(self.ws.data_to_send()))

    def subscribe(self, channel: str) -> dict[str, Any]:
        self.send(encode(Subscribe(channel, None)).encode())
        return self.frame()

    def close_code(self) -> int | None:
        """Read up to the server's close frame; return its code."""
        while self.next().opcode is not Opcode.CLOSE:
            pass
        return self.ws.close_rcvd.code if self.ws.close_rcvd else None
