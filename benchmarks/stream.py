"""Check the bytes of a plain server's listeners as cheaply as possible.

All listeners of one server receive the same messages, so they share the work in a client process:
a plain server's stream is parsed once, and every listener's bytes are compared with it. Every byte
is checked, and messages are counted in order: a wrong, repeated or missing number raises
`StreamError`. `pipe_stream` does the same for dash-pipe.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence

TEXT = 0x81  # FIN and the opcode of a text frame, as the first byte of an unmasked server frame


class StreamError(Exception):
    """The server sent something wrong; the text states what was expected."""


def frame_end(data: bytes | bytearray, start: int) -> tuple[int, int]:
    """Return the begin and end of the payload of the frame at `start`; (0, 0) if incomplete."""
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
    """Return a text frame of a client. Its mask is zero, which is allowed and costs nothing."""
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
        self.ends: list[int] = []  # the end of message i
        self.times: list[int] = []  # the time of message i

    def extend(self, chunk: bytes) -> None:
        """Append bytes that no listener had before; parse the messages that are complete now."""
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
    """One listener of a plain server: a position on the tape."""

    subscribed = True

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.at = 0
        self.count = 0

    def feed(self, chunk: bytes) -> tuple[bytes, Sequence[int]]:
        """Take received bytes; return the bytes to answer, and the times of the new messages."""
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
