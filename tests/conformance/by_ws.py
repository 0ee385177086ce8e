"""npm's ws, as a client of the cases: one process of Node, which takes a case a line."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

from typing_extensions import Self

from conformance.cases import Case
from conformance.client import TIMEOUT
from dash_pipe.protocol import SUBPROTOCOL
from harness.child import start
from harness.environment import environment

SCRIPT = Path(__file__).with_name("by_ws.mjs")


class Ws:
    """See ``Client``; a context manager."""

    deflates = True

    def __enter__(self) -> Self:
        node = shutil.which("node")
        assert node, "node is not on PATH"
        command = [node, str(SCRIPT), SUBPROTOCOL, str(TIMEOUT)]
        pipe = subprocess.PIPE
        self._node = start(command, environment(), stdin=pipe, stdout=pipe, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.close()
        try:
            self._node.wait(TIMEOUT)
        finally:
            self._node.kill()
            self._node.stdout.close()

    def talk(self, url: str, case: Case) -> list[tuple[str, ...]]:
        """See ``Talk``."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps({"url": url, **asdict(case)}) + "\n")
        self._node.stdin.flush()
        line = self._node.stdout.readline()
        assert line, "node has ended; `make install` installs ws"
        return [tuple(event) for event in json.loads(line)]
