"""An asyncio loop on a daemon thread, with a hub: for servers that have no loop of their own."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

from websockets.http11 import Response
from websockets.server import ServerProtocol

from ..auth.call_app import OpenRequest
from ..concurrency.per_process import PerProcess
from ..protocol import Rejection
from .asyncio_socket import AsyncioSocket
from .loop_hub import LoopHub

BUFFER_BYTES = 64 * 1024  # one for all connections: a browser's frame is at most 8 KiB
GOODBYE_TIMEOUT = 2.0  # seconds that the end of a process may wait for its goodbyes

logger = logging.getLogger("dash_pipe")


class LoopThread:
    """The loop, its thread, its hub and its sockets. All but ``adopt`` and ``goodbye`` is private.

    Two threads serve any number of browsers: the server's own, and this one.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._buffer = bytearray(BUFFER_BYTES)
        self._sockets: dict[AsyncioSocket, socket.socket] = {}
        self._hub = LoopHub(self._loop, idle=_nothing)
        self._thread = threading.Thread(target=self._run, name="dash-pipe", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def adopt(
        self,
        sock: socket.socket,
        ws: ServerProtocol,
        response: Response,
        rejection: Rejection | None,
        open_request: OpenRequest | None,
    ) -> None:
        """Serve a websocket on a socket from now on; from any thread.

        The socket belongs to this loop then, and is closed by it. For the rest of the arguments
        see ``AsyncioSocket``.
        """
        future = asyncio.run_coroutine_threadsafe(
            self._serve(sock, ws, response, rejection, open_request), self._loop
        )
        future.add_done_callback(_report)

    def goodbye(self) -> None:
        """Tell every browser that this server is going away; waits ``GOODBYE_TIMEOUT`` at most."""
        done: Future[None] = Future()

        def close() -> None:
            self._hub.close()
            done.set_result(None)

        self._loop.call_soon_threadsafe(close)
        try:
            done.result(GOODBYE_TIMEOUT)
        except FutureTimeoutError:  # Python 3.10 has one of its own for futures
            logger.warning("dash-pipe: the loop was too busy to say goodbye to the browsers")

    def end(self) -> None:
        """Say goodbye, and end when everybody has answered, after ``GOODBYE_TIMEOUT`` at most."""
        self.goodbye()

        def stop() -> None:
            if self._sockets and self._loop.time() < deadline:
                self._loop.call_later(0.01, stop)
            else:
                self._loop.stop()

        deadline = self._loop.time() + GOODBYE_TIMEOUT
        self._loop.call_soon_threadsafe(stop)
        self._thread.join()
        self._loop.close()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's sockets, without a word to anybody.

        Closing them through the loop would take them out of the parent's epoll set, which the
        child shares.
        """
        for sock in self._sockets.values():
            fd = sock.detach()
            if fd >= 0:
                os.close(fd)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        while True:
            try:
                self._loop.run_forever()
            except SystemExit:
                # dash.testing ends an app by raising it in every thread that began with the app,
                # and the next app of the process needs this one.
                self._loop.call_soon(self._hub.close)
                self._hub = LoopHub(self._loop, idle=_nothing)
            else:
                return

    async def _serve(
        self,
        sock: socket.socket,
        ws: ServerProtocol,
        response: Response,
        rejection: Rejection | None,
        open_request: OpenRequest | None,
    ) -> None:
        connection = AsyncioSocket(
            self._hub, ws, response, rejection, open_request, self._buffer, self._gone
        )
        self._sockets[connection] = sock
        try:
            await self._loop.connect_accepted_socket(lambda: connection, sock)
        except BaseException:
            self._sockets.pop(connection, None)
            sock.close()
            raise

    def _gone(self, connection: AsyncioSocket) -> None:
        self._sockets.pop(connection, None)


def _report(future: Future[None]) -> None:
    """Say in the log what went wrong with taking a socket over."""
    if not future.cancelled() and (error := future.exception()) is not None:
        logger.warning("dash-pipe: a websocket could not be taken over: %s", error)


def _nothing() -> None:
    pass


instance = PerProcess(LoopThread)

loop_thread = instance.get
"""The loop thread of this process."""


def end_loop_thread() -> None:
    """End the loop thread, if there is one, and say goodbye to its browsers. For tests."""
    ended = instance.give_up()
    if ended is not None:
        ended.end()
