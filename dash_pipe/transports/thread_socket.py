"""Serve websockets with two threads each, where there can be no loop: gevent has greenlets instead.

A socket that can't be taken over is served so, too, and the thread of its request is one of the
two. Whatever does not wait runs under one lock: the hub and the websockets see one thread at a
time.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
import time
from functools import partial

from websockets.http11 import Response
from websockets.server import ServerProtocol

from ..auth.authorize import authorize_subscribe_sync
from ..auth.call_app import OpenRequest
from ..auth.pace import Pace
from ..concurrency.pool import Pool, PoolFullError
from ..hub.authorization import AuthorizationTimeout, Pending, allow_all
from ..hub.connection import Connection
from ..hub.renewals import MAX_CALLS
from ..hub.session import Grant, Session
from ..protocol import CLOSE_TIMEOUT, Close, Frame, Rejection, Subscribe, version_rejection
from ..runtime import Runtime
from ..telemetry.events import log_event
from ..telemetry.statistics import note_close, note_slowed
from .framing import Framing, encoded
from .thread_hub import ThreadHub

BUFFER_BYTES = 16 * 1024

logger = logging.getLogger("dash_pipe")


class ThreadSocket:
    """Serve a browser's websocket: one thread reads, another writes.

    The outbox is bounded: for messages by flow control (see ``Session``), for answers because no
    frame is read from the browser until the outbox is empty.

    Args:
        shared: the hub for the browser.
        sock: a blocking socket; the caller closes it when ``serve`` has returned.
        handshake: a websocket whose handshake was accepted, and the answer to be sent.
        rejection: why the browser is rejected, if it is.
        open_request: opens the request for ``authorize``; ``None`` if there is no ``authorize``.
        address: the address that the browser counts under, if addresses are counted.

    Attributes:
        written: set when the last byte was written, or can't be.
    """

    def __init__(
        self,
        shared: ThreadHub,
        sock: socket.socket,
        handshake: tuple[ServerProtocol, Response],
        rejection: Rejection | None,
        open_request: OpenRequest | None,
        address: str | None = None,
    ) -> None:
        self._shared = shared
        self._sock = sock
        self._handshake = handshake
        self._rejection = rejection
        self._open_request = open_request
        self._pace = Pace(shared.runtime.settings.authorize_rate)
        self._address = address
        self._framing = Framing()
        self._connection: Connection | None = None
        self._outbox: queue.Queue[bytes | None] = queue.Queue()
        self._deadline: threading.Timer | None = None
        self.written = threading.Event()

    def serve(self) -> None:
        """Serve the websocket; return when it has ended."""
        writer = threading.Thread(target=self._write, name="dash-pipe-writer", daemon=True)
        self._shared.enter(self)
        writer.start()
        try:
            self._begin()
            data = b"\0"
            while data:
                self._outbox.join()
                data = self._sock.recv(BUFFER_BYTES)
                self._take(data)
        except OSError as error:
            extra = log_event("browser_lost")
            logger.debug("dash-pipe: the connection to a browser was lost: %s", error, extra=extra)
        finally:
            self._end()
            writer.join()

    # The hub calls these, with the lock held; see Transport

    def send(self, frame: Frame) -> None:
        """Send a frame; see ``Transport``."""
        if self._framing.open:
            self._outbox.put(encoded(frame))

    def close(self, code: Close, reason: str) -> None:
        """Close the connection; see ``Transport``."""
        self._framing.close(code, reason)
        self._queue_output()

    def abandon(self) -> None:
        """Close a forked child's copy of the socket; see ``ThreadTransport``.

        A shutdown would end the connection of the parent.
        """
        fd = self._sock.detach()
        if fd >= 0:
            # Not gevent's `os.close`, which waits for a loop that the child does not have yet.
            socket.close(fd)

    # Inside

    def _begin(self) -> None:
        """Answer the handshake, and connect the browser to the hub."""
        ws, response = self._handshake
        ws.send_response(response)
        with self._shared.lock:
            for data in ws.data_to_send():
                self._outbox.put(data)
            if (rejection := self._rejection or version_rejection(ws.subprotocol)) is not None:
                self.close(*rejection)
            else:
                authorize = allow_all if self._open_request is None else _authorize_later
                renew = None if self._open_request is None else self._renew
                self._connection = self._shared.connect(
                    self, authorize, ws.subprotocol, self._address, renew
                )

    def _take(self, data: bytes) -> None:
        """Take bytes from the browser."""
        with self._shared.lock:
            for text in self._framing.receive(data):
                if self._connection is not None:
                    self._connection.receive(text)
            self._queue_output()
        if self._connection is not None and self._open_request is not None:
            self._authorize(self._connection.session, self._open_request)

    def _authorize(self, session: Session, open_request: OpenRequest) -> None:
        """Call ``authorize`` for the pending subscribe, then for those that wait behind it."""
        while (subscribe := session.pending_authorization) is not None:
            if (seconds := self._pace.seconds()) > 0:
                note_slowed(self._shared.runtime)
                time.sleep(seconds)
            runtime, pace = self._shared.runtime, self._pace
            outcome = authorize_subscribe_sync(runtime, open_request, subscribe, pace)
            self._shared.resolve_authorization(session, outcome)

    def _renew(self, grant: Grant) -> None:
        """Have ``authorize`` called again in another thread: this one reads; a ``Renew``."""
        try:
            self._shared.runtime.part(_threads).submit(partial(self._authorize_again, grant))
        except PoolFullError:
            self._shared.resolve_renewal(grant, AuthorizationTimeout())

    def _authorize_again(self, grant: Grant) -> None:
        runtime, open_request = self._shared.runtime, self._open_request
        assert open_request is not None, "there is an authorize"
        outcome = authorize_subscribe_sync(runtime, open_request, grant.subscribe, self._pace)
        self._shared.resolve_renewal(grant, outcome)

    def _queue_output(self) -> None:
        """Put the output of the websocket into the outbox; bound the wait for its end."""
        for data in self._framing.data_to_send():
            self._outbox.put(data)
        if self._framing.ending and self._deadline is None:
            self._deadline = threading.Timer(CLOSE_TIMEOUT, self._hang_up)
            self._deadline.daemon = True
            self._deadline.start()

    def _write(self) -> None:
        """Write the pieces of the outbox until ``None`` comes."""
        broken = False
        while (data := self._outbox.get()) is not None:
            try:
                if data and not broken:
                    self._sock.sendall(data)
            except OSError:
                broken = True
            if broken or not data:  # an empty piece is the end of the stream
                self._hang_up()  # the reader ends then
            self._outbox.task_done()
            if not self._framing.open and self._outbox.empty():
                self.written.set()
        self._outbox.task_done()
        self.written.set()

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _end(self) -> None:
        self._shared.leave(self, self._connection)
        if (closed := self._framing.closed) is not None:
            note_close(self._shared.runtime, *closed)
        with self._shared.lock:
            if self._deadline is not None:
                self._deadline.cancel()
        self._hang_up()
        self._outbox.put(None)


def _threads(_: Runtime) -> Pool:
    return Pool("dash-pipe-renewal", MAX_CALLS)


def _authorize_later(_session: Session, _subscribe: Subscribe) -> Pending:
    """Leave a subscribe to the socket's thread, which authorizes without the lock."""
    return Pending()
