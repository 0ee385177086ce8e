"""PyPI's wsproto, as a client of the cases."""

from __future__ import annotations

import socket
from contextlib import suppress
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.extensions import PerMessageDeflate
from wsproto.utilities import LocalProtocolError

from conformance.cases import Case, Step, frame
from conformance.client import TIMEOUT
from dash_pipe.protocol import SUBPROTOCOL


class Wsproto:
    """See ``Client``."""

    deflates = True

    def talk(self, url: str, case: Case) -> list[tuple[str, ...]]:
        """See ``Talk``."""
        events: list[tuple[str, ...]] = []
        where = urlsplit(url)
        with socket.create_connection((where.hostname, where.port), TIMEOUT) as sock:
            conversation = _Conversation(sock, events)
            try:
                conversation.open(where.netloc, where.path, deflate=case.deflate)
                for step in case.steps:
                    conversation.take(step)
                while conversation.hear():
                    pass
            except ConnectionResetError:
                pass
            except Exception as error:
                events.append(("error", repr(error)))
        return events


class _Conversation:
    def __init__(self, sock: socket.socket, events: list[tuple[str, ...]]) -> None:
        self._sock = sock
        self._events = events
        self._ws = WSConnection(ConnectionType.CLIENT)
        self._is_open = False

    def open(self, host: str, target: str, *, deflate: bool) -> None:
        offered = [PerMessageDeflate()] if deflate else []
        request = Request(host, target, subprotocols=[SUBPROTOCOL], extensions=offered)
        self._sock.sendall(self._ws.send(request))
        while not self._is_open and self.hear():
            pass

    def take(self, step: Step) -> None:
        match step:
            case ["await", number]:
                while len(self._events) < number and self.hear():
                    pass
            case ["bytes", data]:
                self._sock.sendall(bytes.fromhex(data))
            case ["half"]:
                self._sock.shutdown(socket.SHUT_WR)
            case ["part", opcode, fin, data] if _splits_a_character(bytes.fromhex(data)):
                self._sock.sendall(bytes.fromhex(frame(opcode, bytes.fromhex(data), fin=fin)))
            case _:
                self._sock.sendall(self._ws.send(_event(step)))

    def hear(self) -> bool:
        """Take the next bytes. Return False at the end."""
        data = self._sock.recv(65536)
        if data:
            self._ws.receive_data(data)
            for event in self._ws.events():
                self._note(event)
        return bool(data)

    def _note(self, event: Event) -> None:
        match event:
            case AcceptConnection():
                self._is_open = True
            case RejectConnection(status_code=status):
                self._events.append(("error", f"rejected with {status}"))
            case TextMessage(data=text):
                self._events.append(("text", text))
            case Pong(payload=payload):
                self._events.append(("pong", bytes(payload).hex()))
            case CloseConnection(code=code, reason=reason):
                self._events.append(("close", str(int(code)), reason or ""))
                with suppress(LocalProtocolError, OSError):  # it was closed by this side
                    self._sock.sendall(self._ws.send(event.response()))


def _splits_a_character(data: bytes) -> bool:
    """Return whether it is no text by itself; wsproto takes texts."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


def _event(step: Step) -> Event:
    match step:
        case ["text", text]:
            return TextMessage(text)
        case ["part", _, fin, data]:
            return TextMessage(bytes.fromhex(data).decode(), message_finished=fin)
        case ["ping", data]:
            return Ping(bytes.fromhex(data))
        case ["pong", data]:
            return Pong(bytes.fromhex(data))
        case ["close", code, reason]:
            return CloseConnection(code or 1005, reason or None)
    raise ValueError(step)
