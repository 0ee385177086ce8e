"""How the command line ends; the codes are documented in docs/cli.md."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a script learns of a run."""

    OK = 0
    NOT_SENT = 1  # some message was not sent
    USAGE = 2  # the command, a setting, or what the server lets us do
    UNREACHABLE = 3  # the broker or the server


class Failure(Exception):  # noqa: N818 - the end of a run, which main() tells and turns into a code
    """Why a run ends, in words for who started it."""

    def __init__(self, code: Exit, reason: str) -> None:
        super().__init__(reason)
        self.code = code
