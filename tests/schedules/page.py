"""The page of tests/js/page.ts in a process: the built browser half."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.environment import environment

PAGE = Path(__file__).resolve().parent.parent / "js" / "page.cjs"

CONNECTING, OPEN, CLOSED = 0, 1, 3


@dataclass(frozen=True)
class Answer:
    """The answer to a command: its result, the frames that the page sends, the page's state."""

    result: Any
    sent: list[str]
    sockets: int
    """How many sockets the page has opened so far."""
    state: int
    """The state of the newest of them."""
    status: dict[str, str]
    told: dict[str, Any]
    """Of each Pipe: what its next update tells of gaps, and its position."""


class Page:
    """A page that executes commands; a context manager."""

    def __enter__(self) -> "Page":
        self._node = subprocess.Popen(
            ["node", str(PAGE)],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._node.communicate()

    def act(self, name: str, *arguments: object) -> Answer:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps([name, *arguments]).encode() + b"\n")
        self._node.stdin.flush()
        line = self._node.stdout.readline()
        assert line, "the page has ended; its error is above"
        return Answer(**json.loads(line))
