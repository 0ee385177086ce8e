"""What a listener makes of the bytes it receives, at the least cost that is still a check.

All listeners of one server receive the same messages, so the work is shared inside a client
process: a plain server's stream is parsed once and every listener's bytes are compared with it,
dash-pipe's frames are parsed once each and looked up by their bytes after that. Either way every
listener's every byte is looked at, and messages are counted in their order; a wrong number, a
repeated one or a missing one raises `StreamError`.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

TEXT = 0x81  # FIN and the opcode of a text frame, as the first byte of an unmasked server frame
MEMO_BYTES = 64 << 20


class StreamError(Exception):
    """The server sent what it should not have; the text says what was expected."""


def frame_end(data: bytes | bytearray, start: int) -> tuple[int, int]:
    """Where the payload of the frame at `start` begins and ends; (0, 0) while it is incomplete."""
    have = len(data) - start
    if have < 2:
        return 0, 0
    length, begin = data[start + 1], start + 2
    if length > 127:
        raise StreamError("a server frame is masked")
    if length == 126:
        if have < 4:
            return 0, 0
        length, begin = int.from_bytes(data[start + 2 : start + 4], "big"), start + 4
    elif length == 127:
        if have < 10:
            return 0, 0
        length, begin = int.from_bytes(data[start + 2 : start + 10], "big"), start + 10
    return (begin, begin + length) if begin + length <= len(data) else (0, 0)


def client_frame(text: str) -> bytes:
    """A text frame as a client sends it; the mask is zero, which is allowed and costs nothing."""
    payload = text.encode()
    if len(payload) < 126:
        head = bytes((TEXT, 0x80 | len(payload)))
    else:
        head = bytes((TEXT, 0x80 | 126)) + len(payload).to_bytes(2, "big")
    return head + bytes(4) + payload


class Tape:
    """The stream of a plain server, one frame a message, parsed once for all its listeners."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ends: list[int] = []  # where message i ends
        self.times: list[int] = []  # when message i was made

    def extend(self, chunk: bytes) -> None:
        """Append what no listener had before, and parse the messages that are now whole."""
        self.data += chunk
        start = self.ends[-1] if self.ends else 0
        while True:
            begin, end = frame_end(self.data, start)
            if not end:
                return
            if self.data[start] != TEXT:
                raise StreamError(f"expected a text frame, got opcode {self.data[start]:#x}")
            message = json.loads(self.data[begin:end])
            if message["n"] != len(self.ends):
                raise StreamError(f"expected message {len(self.ends)}, got {message['n']}")
            self.ends.append(end)
            self.times.append(message["t"])
            start = end


class PlainReader:
    """One listener of a plain server: a place on the tape."""

    subscribed = True

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.at = 0
        self.count = 0

    def feed(self, chunk: bytes) -> tuple[bytes, Sequence[int]]:
        """Take what arrived; return what to answer, and when the new messages were made."""
        tape, at = self.tape, self.at
        known = len(tape.data) - at
        if known < len(chunk):
            if not tape.data.startswith(chunk[:known], at):
                raise StreamError("a listener's bytes differ from those of the others")
            tape.extend(chunk[known:])
        elif not tape.data.startswith(chunk, at):
            raise StreamError("a listener's bytes differ from those of the others")
        self.at = at + len(chunk)
        before, self.count = self.count, bisect_right(tape.ends, self.at)
        return b"", tape.times[before : self.count]


class Fact(NamedTuple):
    """What one dash-pipe frame says."""

    kind: str
    first: int = 0
    times: tuple[int, ...] = ()
    answer: bytes = b""


class Memo:
    """Every distinct dash-pipe frame with what it says; forgets all when it has grown large."""

    def __init__(self) -> None:
        self.facts: dict[bytes, Fact] = {}
        self.size = 0
        self.parsed = 0
        self.seen = 0

    def fact(self, frame: bytes, begin: int) -> Fact:
        """What the frame says; its payload starts at `begin`."""
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
    """Read a frame of docs/protocol.md; what a listener should not get raises `StreamError`."""
    if frame[0] != TEXT:
        raise StreamError(f"expected a text frame, got {frame[:40]!r}")
    said: dict[str, Any] = json.loads(frame[begin:])
    kind = said["type"]
    if kind == "subscribed":
        return Fact(kind)
    if kind == "ping":
        return Fact(kind, answer=client_frame(json.dumps({"type": "pong", "n": said["n"]})))
    if kind != "messages" or said.get("lost"):
        raise StreamError(f"messages were lost or refused: {frame[begin : begin + 300]!r}")
    rows = said["messages"]
    if not rows:
        return Fact(kind)
    first, offset = rows[0][2]["n"], rows[0][0]
    for i, row in enumerate(rows):
        if row[2]["n"] != first + i or row[0] != offset + i:
            raise StreamError(f"rows out of order: {row[:2]} at place {i} of a frame from {first}")
    return Fact(kind, first, tuple(row[2]["t"] for row in rows))


class PipeReader:
    """One listener of dash-pipe; answers pings at once, as the protocol asks."""

    def __init__(self, memo: Memo) -> None:
        self.memo = memo
        self.rest = b""
        self.count = 0
        self.subscribed = False

    def feed(self, chunk: bytes) -> tuple[bytes, Sequence[int]]:
        """Take what arrived; return what to answer, and when the new messages were made."""
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
            elif fact.kind == "subscribed":
                self.subscribed = True
            start = end
        self.rest = data[start:]
        return answer, times
