"""A process full of raw websocket listeners, driven by JSON lines on its standard input.

It opens `--count` sockets to `127.0.0.1:--port`, says `{"ready": count}` when all of them listen,
and then answers every `{"messages": ..., "timeout": ..., "latency": ...}` with one line of what
it saw. It ends when its input does.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import struct
import sys
import time
from collections.abc import Sequence

from stream import Memo, PipeReader, PlainReader, StreamError, Tape, client_frame

CHANNEL = "bench"
SUBPROTOCOL = "dash-pipe.v1"
BATCH = 50  # sockets that are in their handshake at one time
CHUNK = 256 * 1024
NAP = 0.001
TIMESPEC = struct.Struct("@ll")
NOTES = socket.CMSG_SPACE(TIMESPEC.size)
SO_TIMESTAMPNS = 35  # on Linux, but for alpha, mips, parisc and sparc; Python has no name for it

Reader = PlainReader | PipeReader


def request(port: int, path: str, subprotocol: str | None) -> bytes:
    """The opening handshake of a browser on the server's own origin, without compression."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Origin: http://127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: ZGFzaC1waXBlLWJlbmNobQ==",
        "Sec-WebSocket-Version: 13",
    ]
    if subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Crowd:
    """All listeners of this process."""

    def __init__(self, port: int, count: int, pipe: bool) -> None:
        self.readers: dict[int, Reader] = {}
        self.sockets: dict[int, socket.socket] = {}
        self.epoll = select.epoll()
        self.epoch = 0  # of the monotonic clock, in nanoseconds of the kernel's stamps
        self.memo, tape = Memo(), Tape()
        self.space = bytearray(CHUNK)
        self.problems: list[str] = []
        hello = request(port, "/_pipe/ws" if pipe else "/", SUBPROTOCOL if pipe else None)
        subscribe = (
            client_frame(json.dumps({"type": "subscribe", "channel": CHANNEL, "labels": None}))
            if pipe
            else b""
        )
        for start in range(0, count, BATCH):
            batch = []
            for _ in range(min(BATCH, count - start)):
                sock = socket.create_connection(("127.0.0.1", port), timeout=20)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                sock.sendall(hello)
                batch.append(sock)
            for sock in batch:
                reader: Reader = PipeReader(self.memo) if pipe else PlainReader(tape)
                early = shake_hands(sock)
                if subscribe:
                    sock.sendall(subscribe)
                reader.feed(early)
                sock.setblocking(False)
                self.sockets[sock.fileno()] = sock
                self.readers[sock.fileno()] = reader
                self.epoll.register(sock.fileno(), select.EPOLLIN)
        limit = time.monotonic() + 20
        while not all(reader.subscribed for reader in self.readers.values()):
            for fd, _ in self.epoll.poll(0.2):
                self.read(fd)
            if self.problems or time.monotonic() > limit:
                raise SystemExit(f"not every listener was subscribed; {self.problems[:1]}")

    def read(self, fd: int) -> tuple[Sequence[int], int]:
        """Read one socket once: the times of the messages that are whole now, and of their arrival.

        The arrival is the kernel's stamp on the last of the bytes.
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

        Between two passes it naps, so that bytes come in large bites and the listeners cost the
        machine little. Nobody sleeps in epoll, whom the server would have to wake with its own CPU
        time, a cost that browsers on other machines don't cause; and since the kernel notes when
        bytes arrived, it does not matter when they are read.
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
        return {
            "first": first,
            "last": last,
            "incomplete": len(left),
            "received": sum(reader.count for reader in readers.values()),
            "cpu": time.process_time() - cpu,
            "latencies": latencies,
            "frames": self.memo.seen,
            "distinct": self.memo.parsed,
            "problems": self.problems[:3],
        }


def shake_hands(sock: socket.socket) -> bytes:
    """Read the answer to the handshake; what came after it, or `SystemExit` when it isn't 101."""
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
    """Open the sockets, then obey the lines of standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--pipe", action="store_true", help="speak dash-pipe's protocol")
    args = parser.parse_args()
    crowd = Crowd(args.port, args.count, args.pipe)
    print(json.dumps({"ready": args.count}), flush=True)
    for line in sys.stdin:
        print(json.dumps(crowd.collect(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
