"""The exit codes of the command line (see docs/cli.md), and the error that ends a run."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes."""

    OK = 0
    NOT_SENT = 1  # a message was not sent
    USAGE = 2  # a wrong command or setting, or rejected by the server
    UNREACHABLE = 3  # the broker or the server


class Failure(Exception):  # noqa: N818 - the end of a run: main() writes it and exits with its code
    """End a run with an exit code. The text states the reason."""

    def __init__(self, code: Exit, reason: str) -> None:
        super().__init__(reason)
        self.code = code
