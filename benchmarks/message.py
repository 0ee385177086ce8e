"""The one message that every server in this benchmark sends."""

from __future__ import annotations

import json
import time
from typing import TypedDict

SIZE = 120


class Value(TypedDict):
    """The content of a message: its number, its time, and padding up to the size."""

    n: int
    t: int
    f: str


def value(number: int) -> Value:
    """Return a message of `SIZE` bytes as compact JSON, with the time of this call.

    The clock is `time.monotonic_ns`, which on Linux is the same for every process.
    """
    now = time.monotonic_ns()
    return {"n": number, "t": now, "f": "x" * (SIZE - len(f'{{"n":{number},"t":{now},"f":""}}'))}


def text(number: int) -> str:
    """Return `value(number)` as it is sent: `SIZE` ASCII characters."""
    return json.dumps(value(number), separators=(",", ":"))
