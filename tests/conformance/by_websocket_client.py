"""PyPI's websocket-client, as a client of the cases."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

from websocket import ABNF, WebSocket, WebSocketConnectionClosedException, create_connection

from conformance.cases import Case, Step
from conformance.client import TIMEOUT
from dash_pipe.protocol import SUBPROTOCOL

NO_CODE = 1005


class WebsocketClient:
    """See ``Client``."""

    deflates = False

    def talk(self, url: str, case: Case) -> list[tuple[str, ...]]:
        """See ``Talk``."""
        events: list[tuple[str, ...]] = []
        ws = create_connection(url, TIMEOUT, subprotocols=[SUBPROTOCOL])
        try:
            for step in case.steps:
                if step[0] == "await":
                    while len(events) < step[1]:
                        _hear(ws, events)
                else:
                    _take(ws, step)
            while True:
                _hear(ws, events)
        except (WebSocketConnectionClosedException, ConnectionResetError):
            return events
        except Exception as error:
            return [*events, ("error", repr(error))]
        finally:
            ws.shutdown()


def _take(ws: WebSocket, step: Step) -> None:
    match step:
        case ["text", text]:
            ws.send(text)
        case ["part", opcode, fin, data]:
            ws.send_frame(ABNF(int(fin), 0, 0, 0, opcode, 1, bytes.fromhex(data)))
        case ["ping", data]:
            ws.ping(bytes.fromhex(data))
        case ["pong", data]:
            ws.pong(bytes.fromhex(data))
        case ["close", None, _]:
            ws.send(b"", ABNF.OPCODE_CLOSE)
        case ["close", code, reason]:
            ws.send_close(code, reason.encode())
        case ["bytes", data]:
            ws.sock.sendall(bytes.fromhex(data))
        case ["half"]:
            ws.sock.shutdown(socket.SHUT_WR)


def _hear(ws: WebSocket, events: list[tuple[str, ...]]) -> None:
    frame = ws.recv_frame()
    if frame.opcode == ABNF.OPCODE_TEXT:
        events.append(("text", frame.data.decode()))
    elif frame.opcode == ABNF.OPCODE_PONG:
        events.append(("pong", frame.data.hex()))
    elif frame.opcode == ABNF.OPCODE_CLOSE:
        code = struct.unpack("!H", frame.data[:2])[0] if frame.data else NO_CODE
        events.append(("close", str(code), frame.data[2:].decode()))
        with suppress(OSError, WebSocketConnectionClosedException):  # it has ended already
            ws.send_close()
