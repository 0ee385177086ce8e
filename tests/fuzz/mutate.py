"""Mutate valid inputs: their structure, their text, their bytes. Pure."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

LONG = 300  # longer than a name may be
DEEP = 1200  # deeper than Python's decoder goes

STRANGE: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**53 - 1,
    2**53,
    2**64,
    -(2**63),
    10**400,
    0.5,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
    "",
    " ",
    "\x00",
    "a",
    "jobs",
    "\ud800",
    "\udfff\ud800",
    "\N{GRINNING FACE}",
    "\u202e",
    "é" * LONG,
    "x" * LONG,
    "*",
    "%s {0} %(x)s",
    '"]}',
    "__proto__",
    "\r\nSet-Cookie: a=b",
    "1" * 5000,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [""] * 40,
    ["a", "a"],
    {"epoch": "x", "offset": -1},
]
PIECES = [
    "[",
    "]",
    "{",
    "}",
    '"',
    "\\",
    "\\u",
    "\\ud800",
    ",",
    ":",
    "null",
    "NaN",
    "-",
    "e9",
    "\x00",
]


class Mutator:
    """Make inputs of valid ones.

    Args:
        choice: the random numbers.
        corpus: valid values, whose parts are put into each other; also an attribute.
    """

    def __init__(self, choice: random.Random, corpus: Sequence[Any]) -> None:
        self._choice = choice
        self.corpus = corpus

    def value(self) -> Any:
        """Return a mutated value."""
        value = self._choice.choice(self.corpus)
        for _ in range(self._choice.choice((0, 1, 1, 1, 2, 2, 3, 5))):
            value = self._changed(value)
        return value

    def text(self) -> str:
        """Return the JSON text of a mutated value; now and then no JSON."""
        text = json.dumps(self.value(), ensure_ascii=self._choice.random() < 0.5)
        for _ in range(self._choice.choice((0, 0, 0, 1, 1, 2))):
            text = self.cut(text)
        return text

    def bytes(self) -> bytes:
        """Return the bytes of a text; now and then no UTF-8."""
        return self.changed_bytes(self.text().encode(errors="surrogatepass"))

    def changed_bytes(self, data: bytes) -> bytes:
        """Return bytes with some of them changed, mostly none."""
        changed = bytearray(data)
        for _ in range(self._choice.choice((0, 0, 0, 1, 2, 8))):
            if changed:
                changed[self._choice.randrange(len(changed))] = self._choice.randrange(256)
        return bytes(changed)

    def strange(self) -> Any:
        """Return a strange value."""
        if self._choice.random() < 0.02:
            return self._nested()
        return self._choice.choice(STRANGE)

    def _nested(self) -> Any:
        value: Any = 1
        for _ in range(self._choice.choice((10, 100, 400))):
            value = [value] if self._choice.random() < 0.5 else {"a": value}
        return value

    def _changed(self, value: Any) -> Any:
        """Return a value with a part of it changed."""
        inner = isinstance(value, dict | list) and value and self._choice.random() < 0.9
        if not inner:
            return self._choice.choice((self.strange, self._other))()
        if isinstance(value, dict):
            return self._changed_dict(value)
        number = self._choice.randrange(len(value))
        change: Callable[[], Any] = self._choice.choice(
            (
                lambda: [*value[:number], *value[number + 1 :]],
                lambda: [*value, *value],
                lambda: [*value[:number], self.strange(), *value[number:]],
                lambda: [*value[:number], self._changed(value[number]), *value[number + 1 :]],
            )
        )
        return change()

    def _changed_dict(self, value: dict[Any, Any]) -> dict[Any, Any]:
        key = self._choice.choice(list(value))
        match self._choice.randrange(5):
            case 0:
                return {name: each for name, each in value.items() if name != key}
            case 1:
                return {**value, str(self._choice.choice(STRANGE))[:LONG]: self.strange()}
            case 2:
                return {**value, key: self.strange()}
            case _:
                return {**value, key: self._changed(value[key])}

    def _other(self) -> Any:
        """Return a part of another valid value."""
        value = self._choice.choice(self.corpus)
        while isinstance(value, dict | list) and value and self._choice.random() < 0.7:
            value = self._choice.choice(list(value.values()) if isinstance(value, dict) else value)
        return value

    def cut(self, text: str) -> str:
        """Return a text that is cut, doubled in part, or has a piece put in."""
        begin, end = sorted(self._choice.randrange(len(text) + 1) for _ in range(2))
        match self._choice.randrange(4):
            case 0:
                return text[:begin] + text[end:]
            case 1:
                return text[:end] + text[begin:end] + text[end:]
            case 2 if self._choice.random() < 0.05:
                return text[:begin] + "[" * DEEP + "]" * DEEP + text[begin:]
        return text[:begin] + self._choice.choice(PIECES) + text[begin:]
