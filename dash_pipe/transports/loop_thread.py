"""Run an asyncio loop with a hub on a daemon thread, for servers that have no loop."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import Future

from websockets.http11 import Response
from websockets.server import ServerProtocol

from ..auth.call_app import OpenRequest
from ..concurrency.per_process import Part
from ..protocol import Rejection
from ..runtime import Runtime
from ..telemetry.events import log_event
from .asyncio_socket import AsyncioSocket
from .loop_hub import GOODBYE_TIMEOUT, LoopHub

BUFFER_BYTES = 64 * 1024  # for all connections together; a browser's frame is at most 8 KiB


class LoopThread(Part):
    """Run a loop, with its hub and its sockets, on a thread; a part of the runtime.

    Two threads serve any number of browsers: the server's own, and this one.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._loop = asyncio.new_event_loop()
        self._buffer = bytearray(BUFFER_BYTES)
        self._sockets: dict[AsyncioSocket, socket.socket] = {}
        self._hub = LoopHub(runtime, self._loop)
        self._thread = threading.Thread(target=self._run, name="dash-pipe", daemon=True)

    @property
    def connections(self) -> int:
        """See ``Part``."""
        return self._hub.connections

    def numbers(self) -> Mapping[str, float]:
        """See ``Part``."""
        return self._hub.numbers()

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
        address: str | None = None,
    ) -> None:
        """Serve a websocket on a socket from now on. Any thread may call it.

        The socket belongs to this loop then, and is closed by it. For the rest of the arguments
        see ``AsyncioSocket``.
        """
        future = asyncio.run_coroutine_threadsafe(
            self._serve(sock, ws, response, rejection, open_request, address), self._loop
        )
        future.add_done_callback(self._report)

    def goodbye(self) -> None:
        """Tell every browser that this server is going away; see ``Part``."""
        self._hub.end()

    def end(self) -> None:
        """Say goodbye; end when all browsers have answered, or after ``GOODBYE_TIMEOUT`` more."""
        self.goodbye()

        def stop() -> None:
            if self._sockets and self._loop.time() < deadline:
                self._loop.call_later(0.01, stop)
                return
            for connection in list(self._sockets):
                connection.abort()
            self._loop.call_soon(self._loop.stop)  # when the connections have ended

        deadline = self._loop.time() + GOODBYE_TIMEOUT
        self._loop.call_soon_threadsafe(stop)
        self._thread.join(2 * GOODBYE_TIMEOUT)

    def abandon(self) -> None:
        """In a forked child: close its copies of the sockets; see ``Part``.

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
                # dash.testing ends an app by raising SystemExit in every thread that was started
                # with the app. The next app of the process needs this thread.
                self._loop.call_soon(self._hub.close)
                self._hub = LoopHub(self._runtime, self._loop)
            else:
                self._loop.close()
                return

    async def _serve(
        self,
        sock: socket.socket,
        ws: ServerProtocol,
        response: Response,
        rejection: Rejection | None,
        open_request: OpenRequest | None,
        address: str | None,
    ) -> None:
        connection = AsyncioSocket(
            self._hub, ws, response, rejection, open_request, self._buffer, self._forget, address
        )
        self._sockets[connection] = sock
        try:
            await self._loop.connect_accepted_socket(lambda: connection, sock)
        except BaseException:
            self._sockets.pop(connection, None)
            sock.close()
            raise

    def _forget(self, connection: AsyncioSocket) -> None:
        self._sockets.pop(connection, None)

    def _report(self, future: Future[None]) -> None:
        """Log why a socket could not be taken over."""
        if not future.cancelled() and (error := future.exception()) is not None:
            self._runtime.diagnostics.limited_log.warning(
                "dash-pipe: a websocket could not be taken over: %s",
                error,
                extra=log_event("takeover_failed"),
            )


def loop_thread(runtime: Runtime) -> LoopThread:
    """Return the loop thread of a runtime."""
    return runtime.part(LoopThread)
