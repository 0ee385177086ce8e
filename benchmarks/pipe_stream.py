"""Check the bytes of dash-pipe's listeners as cheaply as possible; see `stream`.

The handshake and the frames are those of `dash_pipe.client`. Each distinct frame is parsed once,
then looked up by its bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dash_pipe.client import Row, decode, encode
from dash_pipe.client.frames import Messages, Ping, Subscribed
from dash_pipe.client.handshake import client_protocol
from dash_pipe.protocol import Pong, Subscribe
from dash_pipe.protocol.address import websocket_url
from stream import TEXT, StreamError, client_frame, frame_end

MEMO_BYTES = 64 << 20


class Pipe:
    """The listeners of dash-pipe, on a channel; a `Kind` of listeners.py."""

    def __init__(self, port: int, channel: str) -> None:
        origin = f"http://127.0.0.1:{port}"
        opening = client_protocol(websocket_url(f"{origin}/_pipe/"), origin=origin)
        self.hello = opening.connect().serialize()
        self.subscription = client_frame(encode(Subscribe(channel, None)))
        self._memo = Memo()

    def reader(self) -> PipeReader:
        """See `Kind`."""
        return PipeReader(self._memo)

    def parsed(self) -> tuple[int, int]:
        """See `Kind`."""
        return self._memo.seen, self._memo.parsed


class Fact(NamedTuple):
    """The content of a frame."""

    first: int = 0
    times: tuple[int, ...] = ()
    answer: bytes = b""
    subscribed: bool = False


class Memo:
    """The content of every distinct frame; it is cleared when it has grown large."""

    def __init__(self) -> None:
        self.facts: dict[bytes, Fact] = {}
        self.size = 0
        self.parsed = 0
        self.seen = 0

    def fact(self, frame: bytes, begin: int) -> Fact:
        """Return the content of a frame whose payload starts at `begin`."""
        self.seen += 1
        known = self.facts.get(frame)
        if known is not None:
            return known
        if self.size > MEMO_BYTES:
            self.facts.clear()
            self.size = 0
        self.size += len(frame)
        self.parsed += 1
        fact = self.facts[frame] = parse(frame, begin)
        return fact


def parse(frame: bytes, begin: int) -> Fact:
    """Parse a frame.

    Raises:
        StreamError: a listener should not get this frame.
    """
    if frame[0] != TEXT:
        raise StreamError(f"expected a text frame, got {frame[:40]!r}")
    match decode(frame[begin:]):
        case Subscribed():
            return Fact(subscribed=True)
        case Ping(n):
            return Fact(answer=client_frame(encode(Pong(n))))
        case Messages(rows=[]):
            return Fact()
        case Messages(rows=rows, lost=[]):
            return ordered(rows)
    raise StreamError(f"messages were lost or rejected: {frame[begin : begin + 300]!r}")


def ordered(rows: list[Row]) -> Fact:
    """Check that the offsets of the rows are consecutive."""
    first, offset = rows[0][2]["n"], rows[0][0]
    for i, row in enumerate(rows):
        if row[2]["n"] != first + i or row[0] != offset + i:
            raise StreamError(f"rows out of order: {row[:2]} at place {i} of a frame from {first}")
    return Fact(first, tuple(row[2]["t"] for row in rows))


class PipeReader:
    """One listener of dash-pipe; it answers pings at once, as the protocol requires."""

    def __init__(self, memo: Memo) -> None:
        self.memo = memo
        self.rest = b""
        self.count = 0
        self.subscribed = False

    def feed(self, chunk: bytes) -> tuple[bytes, Sequence[int]]:
        """Take received bytes; return the bytes to answer, and the times of the new messages."""
        data = self.rest + chunk if self.rest else chunk
        start, answer = 0, b""
        times: tuple[int, ...] = ()
        while True:
            begin, end = frame_end(data, start)
            if not end:
                break
            fact = self.memo.fact(data[start:end], begin - start)
            if fact.times:
                if fact.first != self.count:
                    raise StreamError(f"expected message {self.count}, got {fact.first}")
                self.count += len(fact.times)
                times = times + fact.times if times else fact.times
            elif fact.answer:
                answer += fact.answer
            elif fact.subscribed:
                self.subscribed = True
            start = end
        self.rest = data[start:]
        return answer, times
