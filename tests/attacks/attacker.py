"""An attack from a process of its own: `python attacker.py ATTACK PORT SIZE`, until it is ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

RATE = 3000  # subscribes and unsubscribes a second
FRAMES = 512
names = itertools.count()


async def flood(port: int) -> None:
    """Subscribe to invented channels and leave them; connect again when the server closes."""
    while True:
        with contextlib.suppress(OSError, WebSocketException):
            async with connect(f"ws://127.0.0.1:{port}/_pipe/ws", max_queue=None) as socket:
                reader = asyncio.create_task(_read(socket))
                while not reader.done():
                    for _ in range(RATE // 100):
                        channel = f"invented {next(names)}"
                        subscribe = {"type": "subscribe", "channel": channel, "labels": None}
                        await socket.send(json.dumps(subscribe))
                        await socket.send(json.dumps({"type": "unsubscribe", "channel": channel}))
                    await asyncio.sleep(0.02)


async def _read(socket: object) -> None:
    async for _ in socket:  # type: ignore[attr-defined]
        pass


async def poll(port: int) -> None:
    """Send one expensive poll after the other."""
    subscribe = {"type": "subscribe", "channel": "room", "labels": ["none"], "hint": True}
    body = json.dumps([subscribe] * FRAMES).encode()
    head = f"POST /_pipe/poll HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head.encode() + body)
            await reader.read()
            writer.close()
            await writer.wait_closed()


async def main() -> None:
    attack, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    await asyncio.gather(*[{"flood": flood, "poll": poll}[attack](port) for _ in range(size)])


if __name__ == "__main__":
    asyncio.run(main())
