"""A process full of raw websocket listeners, driven by JSON lines on its standard input.

It opens `--count` sockets to `127.0.0.1:--port`, prints `{"ready": count}` when all of them listen,
and then answers every `{"messages": ..., "timeout": ..., "latency": ...}` with one line of
results. It ends at the end of its input.
"""

from __future__ import annotations

import argparse
import gc
import json
import select
import socket
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from stream import PlainReader, StreamError, Tape

CHANNEL = "bench"
BATCH = 50  # sockets that are in their handshake at the same time
CHUNK = 256 * 1024
NAP = 0.001
TIMESPEC = struct.Struct("@ll")
NOTES = socket.CMSG_SPACE(TIMESPEC.size)
SO_TIMESTAMPNS = 35  # on Linux, except alpha, mips, parisc and sparc; Python has no name for it


class Reader(Protocol):
    """One listener's check of what it receives."""

    count: int
    """How many messages are whole."""
    subscribed: bool

    def feed(self, chunk: bytes) -> tuple[bytes, Sequence[int]]:
        """Take what arrived; return what to answer, and when the new messages were made."""


class Kind(Protocol):
    """The shared state of a server's listeners."""

    hello: bytes
    """The opening handshake."""
    subscription: bytes
    """What follows on it."""

    def reader(self) -> Reader:
        """Return the check of one more listener."""

    def parsed(self) -> tuple[int, int]:
        """Return how many frames came, and how many of them were distinct."""


class Plain:
    """A server that sends at once, without subscribing, in its own frames."""

    def __init__(self, port: int) -> None:
        self._tape = Tape()
        self.subscription = b""
        lines = [
            "GET / HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            f"Origin: http://127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: ZGFzaC1waXBlLWJlbmNobQ==",
            "Sec-WebSocket-Version: 13",
        ]
        self.hello = ("\r\n".join(lines) + "\r\n\r\n").encode()

    def reader(self) -> Reader:
        """See `Kind`."""
        return PlainReader(self._tape)

    def parsed(self) -> tuple[int, int]:
        """See `Kind`."""
        return 0, 0


def pipe(port: int) -> Kind:
    """Return the shared state of dash-pipe's listeners."""
    root = str(Path(__file__).resolve().parent.parent)
    if root not in sys.path:
        sys.path.append(root)
    from pipe_stream import Pipe  # only here: a plain server is also measured without dash-pipe

    kind = Pipe(port, CHANNEL)
    gc.freeze()  # Dash is large, and the collector would scan it while we read
    return kind


class Crowd:
    """All listeners of this process."""

    def __init__(self, port: int, count: int, kind: Kind) -> None:
        self.readers: dict[int, Reader] = {}
        self.sockets: dict[int, socket.socket] = {}
        self.epoll = select.epoll()
        self.epoch = 0  # of the monotonic clock, in nanoseconds of the kernel's stamps
        self.kind = kind
        self.space = bytearray(CHUNK)
        self.problems: list[str] = []
        for start in range(0, count, BATCH):
            self.open(port, min(BATCH, count - start))
        limit = time.monotonic() + 20
        while not all(reader.subscribed for reader in self.readers.values()):
            for fd, _ in self.epoll.poll(0.2):
                self.read(fd)
            if self.problems or time.monotonic() > limit:
                raise SystemExit(f"not every listener was subscribed; {self.problems[:1]}")

    def open(self, port: int, count: int) -> None:
        """Open a number of sockets concurrently."""
        batch = []
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", port), timeout=20)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            sock.sendall(self.kind.hello)
            batch.append(sock)
        for sock in batch:
            reader = self.kind.reader()
            early = shake_hands(sock)
            if self.kind.subscription:
                sock.sendall(self.kind.subscription)
            reader.feed(early)
            sock.setblocking(False)
            self.sockets[sock.fileno()] = sock
            self.readers[sock.fileno()] = reader
            self.epoll.register(sock.fileno(), select.EPOLLIN)

    def read(self, fd: int) -> tuple[Sequence[int], int]:
        """Read one socket once; return the times of the complete messages, and their arrival.

        The arrival is the kernel's timestamp of the last bytes.
        """
        try:
            size, notes, _, _ = self.sockets[fd].recvmsg_into([self.space], NOTES)
            if not size:
                raise StreamError("the server closed the connection")
            answer, times = self.readers[fd].feed(bytes(memoryview(self.space)[:size]))
        except (StreamError, OSError) as problem:
            self.problems.append(f"{type(problem).__name__}: {problem}")
            self.epoll.unregister(fd)
            return (), 0
        if answer:
            self.sockets[fd].sendall(answer)
        for level, kind, data in notes:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = TIMESPEC.unpack(data)
                return times, seconds * 1_000_000_000 + nanoseconds - self.epoch
        return times, time.monotonic_ns()

    def collect(self, messages: int, timeout: float, latency: bool) -> dict[str, object]:
        """Read until every listener has `messages` messages, or `timeout` seconds have passed.

        It sleeps between two passes, to read many bytes at once with little CPU time. It does not
        wait in epoll: the server would spend CPU time on waking it, which browsers on other
        machines don't cause. The kernel notes the arrival, so the time of reading does not matter.
        """
        readers, left = self.readers, set(self.readers)
        latencies: list[int] = []
        first = last = 0
        cpu, limit = time.process_time(), time.monotonic() + timeout
        self.epoch = time.time_ns() - time.monotonic_ns()
        while left and time.monotonic() < limit and not self.problems:
            for fd, _ in self.epoll.poll(0):
                times, arrived = self.read(fd)
                if not times:
                    continue
                first = first or times[0]
                if latency:
                    latencies.extend((arrived - sent) // 1000 for sent in times)
                if readers[fd].count >= messages and fd in left:
                    left.discard(fd)
                    last = max(last, arrived)
            time.sleep(NAP)
        frames, distinct = self.kind.parsed()
        return {
            "first": first,
            "last": last,
            "incomplete": len(left),
            "received": sum(reader.count for reader in readers.values()),
            "cpu": time.process_time() - cpu,
            "latencies": latencies,
            "frames": frames,
            "distinct": distinct,
            "problems": self.problems[:3],
        }


def shake_hands(sock: socket.socket) -> bytes:
    """Read the answer to the handshake; return the bytes after it. Exit if it isn't 101."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(4096)
        if not more:
            break
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101"):
        raise SystemExit(f"the handshake was refused: {head[:200]!r}")
    return rest


def main() -> None:
    """Open the sockets, then execute the lines of standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--pipe", action="store_true", help="speak dash-pipe's protocol")
    args = parser.parse_args()
    crowd = Crowd(args.port, args.count, (pipe if args.pipe else Plain)(args.port))
    print(json.dumps({"ready": args.count}), flush=True)
    for line in sys.stdin:
        print(json.dumps(crowd.collect(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
