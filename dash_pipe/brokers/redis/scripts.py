"""The scripts that Redis runs."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import NamedTuple


class Script(NamedTuple):
    """A script for Redis, and its SHA-1 digest."""

    text: str
    digest: str

    @classmethod
    def of(cls, text: str) -> Script:
        """Return the script with this text."""
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _script(*parts: str) -> Script:
    """Return the script that consists of these files."""
    folder = files(__package__)
    return Script.of("\n".join(folder.joinpath(f"{part}.lua").read_text("utf-8") for part in parts))


CHANNEL = _script("channel", "window", "epochs", "messages", "run")
READ = _script("read")
TOUCH = _script("touch")
DELETE_EMPTY = _script("delete_empty")
HOLD = _script("hold")
RELEASE = _script("release")
