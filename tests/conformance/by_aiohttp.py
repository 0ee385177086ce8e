"""PyPI's aiohttp, as a client of the cases."""

from __future__ import annotations

import asyncio

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from conformance.cases import Case, Step, frame
from conformance.client import TIMEOUT
from dash_pipe.protocol import SUBPROTOCOL

NO_CODE = 1005


class Aiohttp:
    """See ``Client``. It ends the connection itself after a close."""

    deflates = True

    def talk(self, url: str, case: Case) -> list[tuple[str, ...]]:
        """See ``Talk``."""
        return asyncio.run(_talk(url, case))


async def _talk(url: str, case: Case) -> list[tuple[str, ...]]:
    events: list[tuple[str, ...]] = []
    async with (
        ClientSession() as session,
        session.ws_connect(
            url,
            protocols=[SUBPROTOCOL],
            autoping=False,
            autoclose=False,
            compress=15 if case.deflate else 0,
        ) as ws,
    ):
        try:
            for step in case.steps:
                if step[0] == "await":
                    while len(events) < step[1] and await _hear(ws, events):
                        pass
                else:
                    await _take(ws, step)
            while await _hear(ws, events):
                pass
        except ConnectionResetError:
            pass
        except Exception as error:
            events.append(("error", repr(error)))
        _transport(ws).abort()
        await asyncio.sleep(0)  # the loop closes the socket
    return events


async def _take(ws: ClientWebSocketResponse, step: Step) -> None:
    match step:
        case ["text", text]:
            await ws.send_str(text)
        case ["part", opcode, fin, data]:  # it has no means for parts
            _write(ws, frame(opcode, bytes.fromhex(data), fin=fin))
        case ["ping", data]:
            await ws.ping(bytes.fromhex(data))
        case ["pong", data]:
            await ws.pong(bytes.fromhex(data))
        case ["close", None, _]:
            _write(ws, frame(8))
        case ["close", code, reason]:
            await ws._writer.close(code, reason.encode())
        case ["bytes", data]:
            _write(ws, data)
        case ["half"]:
            _transport(ws).write_eof()


async def _hear(ws: ClientWebSocketResponse, events: list[tuple[str, ...]]) -> bool:
    """Take the next event. Return False at the end."""
    message = await ws.receive(TIMEOUT)
    match message.type:
        case WSMsgType.TEXT:
            events.append(("text", message.data))
        case WSMsgType.PONG:
            events.append(("pong", bytes(message.data).hex()))
        case WSMsgType.CLOSE:
            events.append(("close", str(message.data or NO_CODE), message.extra or ""))
            return False
        case WSMsgType.CLOSED | WSMsgType.CLOSING:
            return False
        case WSMsgType.ERROR:
            raise message.data
    return True


def _write(ws: ClientWebSocketResponse, data: str) -> None:
    _transport(ws).write(bytes.fromhex(data))


def _transport(ws: ClientWebSocketResponse) -> asyncio.Transport:
    transport = ws._writer.transport
    assert isinstance(transport, asyncio.Transport)
    return transport
