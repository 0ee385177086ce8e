"""Many listeners at once, on one loop of the test."""

import asyncio
import time

from typing_extensions import Self
from websockets.asyncio.client import ClientConnection, connect

from dash_pipe.client import Client, Subscription
from dash_pipe.client.handshake import connect_options
from dash_pipe.protocol.address import websocket_url
from harness.wait import TIMEOUT


class Crowd:
    """A number of listeners on a channel, with answered pings; an async context manager."""

    def __init__(self, url: str, size: int, channel: str) -> None:
        self._url = websocket_url(f"{url}/_pipe/")
        self._size = size
        self._channel = channel
        self._listeners: list[_Listener] = []

    async def __aenter__(self) -> Self:
        try:
            for _ in range(self._size):  # one after the other: the listen queue is shorter
                socket = await connect(self._url, **connect_options())
                self._listeners.append(_Listener(socket, self._channel))
                await self._listeners[-1].open()
        except BaseException:
            await self._close()  # else the next test finds them unclosed
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        await asyncio.gather(*[listener.socket.close() for listener in self._listeners])

    async def hear(self, count: int) -> list[list[int]]:
        """Return the offsets of the next `count` messages for each listener."""
        return await asyncio.gather(*[listener.hear(count) for listener in self._listeners])


class _Listener:
    def __init__(self, socket: ClientConnection, channel: str) -> None:
        self.socket = socket
        self._client = Client(Subscription(channel))
        self._offsets: list[int] = []

    async def open(self) -> None:
        for frame in self._client.opened(time.monotonic()):
            await self.socket.send(frame)
        while not self._client.accepted:
            await self._read()

    async def hear(self, count: int) -> list[int]:
        while len(self._offsets) < count:
            await self._read()
        offsets, self._offsets = self._offsets, []
        return offsets

    async def _read(self) -> None:
        text = await asyncio.wait_for(self.socket.recv(), TIMEOUT)
        update = self._client.received(text, time.monotonic())
        assert update.gaps == []
        for frame in update.frames:
            await self.socket.send(frame)
        self._offsets += [row[0] for row in update.rows]
