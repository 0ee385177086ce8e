"""The reference servers: the same messages through `websockets.broadcast` and through picows.

Each has its best documented settings and none of dash-pipe's other features: no compression,
no heartbeat, no flow control, no channels, no labels, no history. The messages are made in the
event loop, so they cost no thread switch.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from message import text

Broadcast = Callable[[str], None]


async def serve_websockets(sock: socket.socket) -> tuple[Broadcast, str]:
    """Serve `websockets.asyncio.server.broadcast` to a set of connections."""
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    connections: set[ServerConnection] = set()

    async def handler(connection: ServerConnection) -> None:
        connections.add(connection)
        try:
            await connection.wait_closed()
        finally:
            connections.discard(connection)

    await serve(handler, sock=sock, compression=None, ping_interval=None)
    about = f"websockets {version('websockets')}: asyncio, broadcast(), no compression, no pings"
    return lambda message: broadcast(connections, message), about


async def serve_picows(sock: socket.socket) -> tuple[Broadcast, str]:
    """Serve picows' core API: encode once, `send` to every transport, as in its example."""
    from picows import WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

    transports: set[WSTransport] = set()

    class Listener(WSListener):
        def on_ws_connected(self, transport: WSTransport) -> None:
            transports.add(transport)

        def on_ws_disconnected(self, transport: WSTransport) -> None:
            transports.discard(transport)

    def factory(_request: WSUpgradeRequest) -> WSListener:
        return Listener()

    def broadcast(message: str) -> None:
        data, kind = message.encode(), WSMsgType.TEXT
        for transport in transports:
            transport.send(kind, data)

    server = await ws_create_server(factory, sock=sock, read_buffer_init_size=1024)
    await server.start_serving()
    about = f"picows {version('picows')}: core API on aiofastnet {version('aiofastnet')}, no pings"
    return broadcast, about


async def serve_asgi(sock: socket.socket, app: Callable[..., Awaitable[None]]) -> str:
    """Serve an ASGI app on uvicorn; return a description."""
    import uvicorn

    config = uvicorn.Config(
        app, ws_per_message_deflate=False, ws_ping_interval=None, lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    _tasks.add(asyncio.create_task(server.serve(sockets=[sock])))
    while not server.started:
        await asyncio.sleep(0.01)
    return f"uvicorn {version('uvicorn')}, no compression, no pings"


_tasks: set[asyncio.Task[None]] = set()


async def serve_queues(sock: socket.socket) -> tuple[Broadcast, str]:
    """Serve a plain ASGI app with a queue for each client, as in tutorials."""
    queues: set[asyncio.Queue[str]] = set()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        queue: asyncio.Queue[str] = asyncio.Queue()
        queues.add(queue)

        async def deliver() -> None:
            while True:
                await send({"type": "websocket.send", "text": await queue.get()})

        delivering = asyncio.create_task(deliver())
        try:
            while (await receive())["type"] != "websocket.disconnect":
                pass
        finally:
            queues.discard(queue)
            delivering.cancel()

    def broadcast(message: str) -> None:
        for queue in queues:
            queue.put_nowait(message)

    about = await serve_asgi(sock, app)
    return broadcast, f"an ASGI app with a queue for each client on {about}"


async def serve_bare(sock: socket.socket) -> tuple[Broadcast, str]:
    """Serve an ASGI app that accepts a websocket and does nothing, to measure its memory."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    return lambda message: None, f"bare websockets on {await serve_asgi(sock, app)}"


async def serve_endpoint(sock: socket.socket) -> tuple[Broadcast, str]:
    """Serve dash-pipe's own ASGI app alone, to measure its memory."""
    import dash_pipe

    about = f"dash-pipe {dash_pipe.__version__}: asgi_app() on "
    return lambda message: None, about + await serve_asgi(sock, dash_pipe.asgi_app())


SERVERS: dict[str, Callable[[socket.socket], Awaitable[tuple[Broadcast, str]]]] = {
    "websockets": serve_websockets,
    "picows": serve_picows,
    "queues": serve_queues,
    "bare": serve_bare,
    "dash-pipe-endpoint": serve_endpoint,
}


def send_from_thread(
    broadcast: Broadcast, loop: asyncio.AbstractEventLoop, count: int, rate: float
) -> None:
    """Call `send` from a thread that is not the loop's, as an app does."""
    time.sleep(0.05)
    start = time.monotonic()
    for number in range(count):
        loop.call_soon_threadsafe(broadcast, text(number))
        if rate:
            time.sleep(max(0.0, start + (number + 1) / rate - time.monotonic()))


async def send(broadcast: Broadcast, count: int, rate: float) -> None:
    """Broadcast `count` messages, `rate` a second; as fast as possible if it is 0."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0.05)
    start = loop.time()
    for number in range(count):
        broadcast(text(number))
        await asyncio.sleep(max(0.0, start + (number + 1) / rate - loop.time()) if rate else 0)


async def run(name: str, sock: socket.socket) -> None:
    """Serve on `sock` and execute lines `count rate` of standard input until it ends."""
    threaded = name.endswith("-threaded")
    kind = name.removesuffix("-threaded")
    broadcast, about = await SERVERS[kind](sock)
    about += f", sent from {'a thread' if threaded else 'the loop'}; "
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    print(
        json.dumps({"pid": os.getpid(), "about": f"{about}{type(loop).__module__}"}),
        flush=True,
    )
    while line := await lines.readline():
        count, rate = line.split()
        if threaded:
            await asyncio.to_thread(send_from_thread, broadcast, loop, int(count), float(rate))
        else:
            await send(broadcast, int(count), float(rate))


def main() -> None:
    """Serve on the listening socket whose number is the argument."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[*SERVERS, *(f"{name}-threaded" for name in SERVERS)])
    parser.add_argument("--fd", type=int, required=True, help="a listening socket")
    args = parser.parse_args()
    if os.environ.get("BENCH_UVLOOP"):
        import uvloop

        uvloop.install()
    sock = socket.socket(fileno=args.fd)
    sock.setblocking(False)
    asyncio.run(run(args.name, sock))


if __name__ == "__main__":
    main()
