"""The listeners of a measurement, in processes of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from child import Child, running
from server import Server
from target import HERE, is_pipe


class Listeners:
    """Raw websocket clients in one process or several."""

    def __init__(self, processes: list[Child]) -> None:
        self.processes = processes

    def begin(self, **order: object) -> None:
        """Make them collect; `Crowd.collect` in listeners.py has the arguments."""
        for process in self.processes:
            process.tell(json.dumps(order))

    def answers(self) -> list[dict[str, Any]]:
        """Wait for a line from each process, and return them."""
        return [one.hear("a client process ended before its answer") for one in self.processes]


@contextmanager
def listening(server: Server, count: int, processes: int = 1) -> Iterator[Listeners]:
    """Open `count` listeners in `processes` processes while inside."""
    command = [sys.executable, str(HERE / "listeners.py"), "--port", str(server.port)]
    if is_pipe(server.name):
        command.append("--pipe")
    with ExitStack() as stack:
        shares = [count // processes + (i < count % processes) for i in range(processes)]
        listeners = Listeners(
            [stack.enter_context(running([*command, "--count", str(share)])) for share in shares]
        )
        listeners.answers()
        yield listeners
