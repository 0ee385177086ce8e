"""The cases of RFC 6455: what a client does on an open websocket, and the outcome that is right.

Pure data, for clients in several languages. A case is a list of steps:

    ["text", text]                  a whole text message, by the client's own means
    ["part", opcode, fin, hex]      a part of a message: opcode 1 is the first, 0 a later one
    ["ping", hex], ["pong", hex]    a control frame, by the client's own means
    ["close", code, reason]         a close frame, by the client's own means; null is no code
    ["bytes", hex]                  bytes that such a client does not send, on its connection
    ["half"]                        the end of its bytes, without a close frame
    ["await", number]               wait until so many events have come

An outcome is what the client has then heard until the end of the connection: "text TYPE CHANNEL",
"pong HEX", "close CODE", and "close CODE REASON" if the reason is the one that the client sent.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TEXT, MORE, BINARY, CLOSE, PING = 1, 0, 2, 8, 9
MASK = bytes.fromhex("37fa213d")  # of the examples in the RFC
MAX_FRAME_BYTES = 8 * 1024  # docs/protocol.md

Step = list[Any]


@dataclass(frozen=True)
class Case:
    """A case, and the outcomes that are right; the first is the one that is expected.

    Attributes:
        section: of RFC 6455.
        expects: in words.
        deflate: the client offers compression.
    """

    name: str
    section: str
    expects: str
    steps: list[Step]
    outcomes: Sequence[Sequence[str]]
    deflate: bool = False


def subscribe(channel: str) -> str:
    """Return the text of a subscribe, which the server answers with one text."""
    return json.dumps({"type": "subscribe", "channel": channel, "labels": None}, ensure_ascii=False)


def in_parts(text: str) -> list[Step]:
    """Return the steps that send a text in three parts."""
    data = text.encode()
    return parts(data[:20], data[20:40], data[40:])


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    mask: bytes | None = MASK,
    length: bytes | None = None,
) -> str:
    """Return the bytes of a frame as hex; ``length`` replaces the shortest form of the length."""
    size = len(payload)
    if length is None and size < 126:
        length = bytes([size])
    elif length is None:
        length = b"\x7e" + struct.pack("!H", size)
    first = bytes([fin << 7 | reserved << 4 | opcode])
    second = bytes([length[0] | (0x80 if mask is not None else 0)]) + length[1:]
    masked = payload
    if mask is not None:
        masked = bytes(byte ^ mask[number % 4] for number, byte in enumerate(payload))
    return (first + second + (mask or b"") + masked).hex()


def parts(*texts: bytes) -> list[Step]:
    """Return the steps that send a text message in parts."""
    last = len(texts) - 1
    return [
        ["part", TEXT if number == 0 else MORE, number == last, text.hex()]
        for number, text in enumerate(texts)
    ]


def closing(code: int | None, reason: bytes = b"") -> str:
    """Return the bytes of a close frame as hex, whatever its code."""
    return frame(CLOSE, (b"" if code is None else struct.pack("!H", code)) + reason)


JOBS = subscribe("jobs")
ANSWER = "text subscribed jobs"
LEAVE: Step = ["close", 1000, "done"]
LEFT = ("close 1000 done", "close 1000")  # a server need not return the reason
WIDE = subscribe("jobs-\N{GREEK SMALL LETTER PI}-\N{GRINNING FACE}").encode()
SPLIT = WIDE.index("\N{GRINNING FACE}".encode()) + 2  # within a character


def heard(*events: str) -> list[list[str]]:
    """Return the outcomes of a case whose client hears these events, and then leaves."""
    return [[*events, left] for left in LEFT]


def fails(*codes: int) -> list[list[str]]:
    """Return the outcomes of a case whose connection the server fails with a code."""
    return [[f"close {code}"] for code in codes]


def _answered(name: str, section: str, steps: list[Step], answer: str = ANSWER) -> Case:
    return Case(name, section, "the answer", [*steps, ["await", 1], LEAVE], heard(answer))


def _ponged(name: str, payload: bytes) -> Case:
    pong = f"pong {payload.hex()}".rstrip()
    steps: list[Step] = [["ping", payload.hex()], ["await", 1], LEAVE]
    return Case(name, "5.5.3", "a pong with the payload", steps, heard(pong))


def _failed(name: str, section: str, *frames: str, codes: Sequence[int] = (1002,)) -> Case:
    expects = " or ".join(map(str, codes))
    return Case(name, section, expects, [["bytes", "".join(frames)]], fails(*codes))


MESSAGES = [
    _answered("text", "5.6", [["text", JOBS]]),
    _answered(
        "text in parts", "5.4", parts(*(JOBS.encode()[n : n + 20] for n in range(0, 60, 20)))
    ),
    _answered("empty parts", "5.4", parts(b"", JOBS.encode(), b"", b"")),
    _answered(
        "a character in two parts",
        "5.6",
        parts(WIDE[:SPLIT], WIDE[SPLIT:]),
        "text subscribed jobs-\N{GREEK SMALL LETTER PI}-\N{GRINNING FACE}",
    ),
    _answered("a mask of zeros", "5.3", [["bytes", frame(TEXT, JOBS.encode(), mask=bytes(4))]]),
    Case(
        "a ping between parts",
        "5.4",
        "the pong, then the answer",
        [
            *parts(JOBS.encode()[:9], JOBS.encode()[9:])[:1],
            ["ping", b"between".hex()],
            ["await", 1],
            *parts(JOBS.encode()[:9], JOBS.encode()[9:])[1:],
            ["await", 2],
            LEAVE,
        ],
        heard(f"pong {b'between'.hex()}", ANSWER),
    ),
    _answered("a pong that was not asked for", "5.5.3", [["pong", "6869"], ["text", JOBS]]),
    Case(
        "compression is offered",
        "9.1",
        "the answer, compressed or not",
        [["text", JOBS], ["await", 1], LEAVE],
        heard(ANSWER),
        deflate=True,
    ),
]

PINGS = [
    _ponged("a ping", b"hello"),
    _ponged("an empty ping", b""),
    _ponged("a ping of 125 bytes", bytes(range(125))),
]

CLOSES = [
    Case("a close with a code", "5.5.1", "the code", [LEAVE], heard()),
    Case("a close without a code", "5.5.1", "a close", [["close", None, ""]], fails(1005, 1000)),
    Case(
        "a close of an app",
        "7.4.2",
        "the code",
        [["close", 4999, "mine"]],
        [["close 4999 mine"], ["close 4999"]],
    ),
    Case(
        "a close between parts",
        "5.4",
        "the code, or 1002",
        [*parts(b"{", b"}")[:1], LEAVE],
        [*heard(), ["close 1002"]],
    ),
    Case(
        "text behind a close",
        "5.5.1",
        "the code, no answer",
        [["bytes", closing(1000) + frame(TEXT, JOBS.encode())]],
        fails(1000),
    ),
    _failed("a close with half a code", "5.5.1", frame(CLOSE, b"\x03")),
    _failed("a close with a code that is none", "7.4.1", closing(1005)),
    _failed("a close with a code below 1000", "7.4.2", closing(999)),
    _failed("a reason that is not UTF-8", "5.5.1", closing(1000, b"\xff"), codes=(1007, 1002)),
]

VIOLATIONS = [
    _failed("no mask", "5.1", frame(TEXT, JOBS.encode(), mask=None)),
    _failed("no mask on a ping", "5.1", frame(PING, b"hi", mask=None)),
    _failed("the first reserved bit", "5.2", frame(TEXT, JOBS.encode(), reserved=4)),
    _failed("the second reserved bit", "5.2", frame(TEXT, JOBS.encode(), reserved=2)),
    _failed("the third reserved bit", "5.2", frame(PING, reserved=1)),
    _failed("a reserved opcode", "5.2", frame(3, b"hi")),
    _failed("a reserved control opcode", "5.2", frame(11)),
    _failed("a ping in parts", "5.5", frame(PING, b"hi", fin=False)),
    _failed("a ping of 126 bytes", "5.5", frame(PING, bytes(126))),
    _failed("a part without a first", "5.4", frame(MORE, b"hi")),
    _failed("text within parts", "5.4", frame(TEXT, b"{", fin=False), frame(TEXT, JOBS.encode())),
    _failed(
        "a length above 63 bits",
        "5.2",
        frame(TEXT, length=b"\x7f\xff" + bytes(7)),
        codes=(1002, 1009),
    ),
    _failed("text that is not UTF-8", "8.1", frame(TEXT, b"\xc3\x28"), codes=(1007,)),
    _failed("a surrogate in text", "8.1", frame(TEXT, b"\xed\xa0\x80"), codes=(1007,)),
    _failed(
        "parts that are not UTF-8",
        "8.1",
        frame(TEXT, b"\xce", fin=False),
        frame(MORE, b"\x28"),
        codes=(1007,),
    ),
]

LIMITS = [
    _failed("a binary message", "7.4.1", frame(BINARY, b"hi"), codes=(1003,)),
    _failed("more than 8 KiB", "7.4.1", frame(TEXT, b"x" * (MAX_FRAME_BYTES + 1)), codes=(1009,)),
    _failed(
        "more than 8 KiB in parts",
        "7.4.1",
        frame(TEXT, b"x" * MAX_FRAME_BYTES, fin=False),
        frame(MORE, b"x"),
        codes=(1009,),
    ),
    Case("the end without a close", "7.1.5", "the end", [["half"]], [[], ["close 1005"]]),
]

CASES = [*MESSAGES, *PINGS, *CLOSES, *VIOLATIONS, *LIMITS]
