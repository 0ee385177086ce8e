"""The one message that every server in this benchmark sends."""

from __future__ import annotations

import json
import time
from typing import TypedDict

SIZE = 120


class Value(TypedDict):
    """What a message carries: its number, when it was made, and filling up to the size."""

    n: int
    t: int
    f: str


def value(number: int) -> Value:
    """A message of `SIZE` bytes as compact JSON, stamped with the time of this call.

    The clock is `time.monotonic_ns`, which on Linux is the same for every process.
    """
    now = time.monotonic_ns()
    return {"n": number, "t": now, "f": "x" * (SIZE - len(f'{{"n":{number},"t":{now},"f":""}}'))}


def text(number: int) -> str:
    """`value(number)` as it goes over the wire: `SIZE` characters, all of them ASCII."""
    return json.dumps(value(number), separators=(",", ":"))
