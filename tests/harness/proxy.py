"""A TCP proxy on loopback; a test can cut, reject and count its connections."""

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass

from typing_extensions import Self

CHUNK = 65536
# SO_LINGER on, with no time to linger: close() sends RST instead of FIN, as a crash does.
ABRUPT = struct.pack("ii", 1, 0)


@dataclass
class Connection:
    """One connection through the proxy, and the first line that its client sent."""

    client: socket.socket
    server: socket.socket
    first_line: str = ""
    silent: bool = False

    def cut(self) -> None:
        """End both sides at once, with RST."""
        for end in (self.client, self.server):
            # A thread in recv() holds the file open: shutdown() wakes it, close() then resets.
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
                end.shutdown(socket.SHUT_RD)
        for end in (self.client, self.server):
            end.close()


class Proxy:
    """A proxy for a server on 127.0.0.1:`port`; a context manager, running while inside.

    A websocket always has its own connection, whose first line is the GET that opens it. So
    `count("/_pipe/ws")` is the number of attempts, and `cut("/_pipe/ws")` does not affect HTTP.
    """

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._lock = threading.Lock()
        self._open: list[Connection] = []
        self._first_lines: list[str] = []
        self._refused: str | None = None
        self.swallowed = b""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._accepting.join()
        self._listener.close()
        self.cut()

    @property
    def port(self) -> int:
        """Return the port of the proxy."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Return the root URL of the server behind the proxy."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self, path: str = "") -> int:
        """Cut the open connections whose first line contains `path`; return their number."""
        with self._lock:
            chosen = [connection for connection in self._open if path in connection.first_line]
            self._open = [one for one in self._open if one not in chosen]
        for connection in chosen:
            connection.cut()
        return len(chosen)

    def refuse(self, path: str = "") -> None:
        """Cut every new connection whose first line contains `path` at once."""
        self._refused = path

    def allow(self) -> None:
        """Let new connections through again."""
        self._refused = None

    def silence(self, path: str = "") -> None:
        """Keep the open connections whose first line contains `path`, but pass nothing on.

        The bytes are kept in `swallowed`, and neither side notices the end of the other: as with a
        sleeping laptop that has left the network.
        """
        with self._lock:
            for connection in self._open:
                connection.silent = connection.silent or path in connection.first_line

    def redirect(self, port: int) -> None:
        """Connect new connections to another server on 127.0.0.1, as after a failover."""
        self._target = ("127.0.0.1", port)

    def count(self, path: str = "") -> int:
        """Return the number of connections so far whose first line contains `path`."""
        with self._lock:
            return sum(path in line for line in self._first_lines)

    def open(self, path: str = "") -> int:
        """Return the number of open connections whose first line contains `path`."""
        with self._lock:
            return sum(path in connection.first_line for connection in self._open)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # __exit__ shut the listener down
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        first = b""
        with contextlib.suppress(OSError):
            first = client.recv(CHUNK)
        first_line = first.partition(b"\r\n")[0].decode("latin-1")
        if first:
            with self._lock:
                self._first_lines.append(first_line)
        try:
            if not first or (self._refused is not None and self._refused in first_line):
                raise ConnectionRefusedError
            server = socket.create_connection(self._target)
            server.sendall(first)
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
            client.close()
            return
        connection = Connection(client, server, first_line)
        with self._lock:
            self._open.append(connection)
        threading.Thread(target=self._pump, args=(connection, server, client), daemon=True).start()
        self._pump(connection, client, server)

    def _pump(self, connection: Connection, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(CHUNK):
                if connection.silent:
                    self.swallowed += data
                else:
                    sink.sendall(data)
            if connection.silent:
                return  # cut() ends it
            sink.shutdown(socket.SHUT_WR)  # a half-closed connection stays half open
        except OSError:
            self._forget(connection)
        else:
            if source is connection.server:
                self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        """Close a connection that one side has ended, unless cut() has done it."""
        with self._lock:
            if connection not in self._open:
                return
            self._open.remove(connection)
        for end in (connection.client, connection.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes the other direction's recv()
            end.close()
