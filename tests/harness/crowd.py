"""Many raw listeners at once, on one loop of the test's own."""

import asyncio
import json

from typing_extensions import Self
from websockets.asyncio.client import ClientConnection, connect

from harness.wait import TIMEOUT
from harness.ws import SUBPROTOCOL


class Crowd:
    """So many listeners on a channel; an async context manager. Their pings are answered."""

    def __init__(self, url: str, size: int, channel: str) -> None:
        self._url = url.replace("http", "ws", 1) + "/_pipe/ws"
        self._size = size
        self._channel = channel
        self._sockets: list[ClientConnection] = []

    async def __aenter__(self) -> Self:
        for _ in range(self._size):  # one after the other: a listen queue is shorter than a crowd
            socket = await connect(self._url, subprotocols=[SUBPROTOCOL], compression=None)
            self._sockets.append(socket)
            await socket.send(
                json.dumps({"type": "subscribe", "channel": self._channel, "labels": None})
            )
            answer = json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT))
            assert answer["type"] == "subscribed", answer
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*[socket.close() for socket in self._sockets])

    async def hear(self, count: int) -> list[list[int]]:
        """The offsets of the next `count` messages, for each listener."""
        return await asyncio.gather(*[self._hear(socket, count) for socket in self._sockets])

    async def _hear(self, socket: ClientConnection, count: int) -> list[int]:
        offsets: list[int] = []
        while len(offsets) < count:
            frame = json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT))
            if frame["type"] == "ping":
                await socket.send(json.dumps({"type": "pong", "n": frame["n"]}))
            if frame["type"] == "messages":
                offsets += [row[0] for row in frame["messages"]]
        return offsets
