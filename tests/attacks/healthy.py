"""Healthy listeners, and the latency of their messages."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass

from typing_extensions import Self

from harness.app import App
from harness.crowd import Crowd

LISTENERS = 5
RATE = 1000  # messages a second
TEXT = "x" * 1000
FLOOR = 10.0  # milliseconds: a shorter p99 says more of the machine than of the server


@dataclass(frozen=True)
class Latency:
    """The latency of the messages of a time, in milliseconds, and their number a second."""

    p50: float
    p99: float
    rate: float


class Stream:
    """A stream of messages of 1 KB from the app; a context manager."""

    def __init__(self, app: App, rate: int = RATE) -> None:
        self._app = app
        self._rate = rate
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        second = [("room", "news", TEXT)] * self._rate
        while not self._is_over.is_set():
            self.sent += len(self._app.send(*second, every=1 / self._rate))


def measure(url: str, seconds: float) -> Latency:
    """Return the latency of what healthy listeners hear in some seconds of a stream."""
    return asyncio.run(_measure(url, seconds))


async def _measure(url: str, seconds: float) -> Latency:
    async with Crowd(url, LISTENERS, "room") as crowd:
        found: list[float] = []
        end = time.monotonic() + seconds
        await asyncio.gather(*[_hear(one, end, found) for one in crowd._listeners])
    found.sort()
    return Latency(
        1000 * found[len(found) // 2], 1000 * found[int(0.99 * len(found))], len(found) / seconds
    )


async def _hear(listener: object, end: float, found: list[float]) -> None:
    socket, client = listener.socket, listener._client  # type: ignore[attr-defined]
    while (left := end - time.monotonic()) > 0:
        try:
            text = await asyncio.wait_for(socket.recv(), left)
        except TimeoutError:
            return
        now = time.time()
        fields = json.loads(text)
        found += [now - row[3] for row in fields.get("messages", [])]
        update = client.received(text, time.monotonic())
        assert update.gaps == []
        for answer in update.frames:
            await socket.send(answer)
