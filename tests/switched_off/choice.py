"""The rows of a table that the command line asks for."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from switched_off.table import Switch


def chosen(table: Sequence[Switch], program: str, doc: str | None) -> list[Switch]:
    """Return the rows that have one of the arguments in their text; all without an argument.

    From now on an interrupt ends the tests and removes the worktree, also of a run in the
    background.
    """
    parser = argparse.ArgumentParser(program, description=(doc or "").partition("\n")[0])
    parser.add_argument("only", nargs="*", help="a part of the text in the table; default: all")
    only = parser.parse_args().only
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    return [one for one in table if not only or any(part in one.off for part in only)]
