"""The exit codes of the command line, as docs/cli.md describes them, and the error that ends it."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes."""

    OK = 0
    NOT_SENT = 1  # a message was not sent
    USAGE = 2  # a wrong command or setting, or rejected by the server
    UNREACHABLE = 3  # the broker or the server


class Failure(Exception):  # noqa: N818 - the end of a run: main() writes it and exits with its code
    """The reason why a run ends, for the person who started it."""

    def __init__(self, code: Exit, reason: str) -> None:
        super().__init__(reason)
        self.code = code
