"""A Redis that writes everything to disk, with copies of its files to go back to."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import unquote

from typing_extensions import Self

from drives.history import Copy
from harness.redis import RedisServer

OPTIONS = ("--appendonly yes", "--appendfsync always", "--auto-aof-rewrite-percentage 0")
MAX_COPIES = 3


class Stored:
    """A server that loses nothing unless it is told to; a context manager."""

    def __init__(self, directory: Path) -> None:
        self._data = directory / "redis"
        self._kept = directory / "copies"
        self.server = RedisServer(self._data, *OPTIONS)
        self._copies: list[tuple[Path, Copy]] = []
        self._made = 0

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__(*_)

    def copy(self, logs: Copy) -> None:
        """Keep a copy of the files, while nothing is sent; the oldest is dropped."""
        self._made += 1
        target = self._kept / str(self._made)
        shutil.copytree(self._data, target, ignore=shutil.ignore_patterns("log"))
        self._copies.append((target, logs))
        for path, _ in self._copies[:-MAX_COPIES]:
            shutil.rmtree(path)
        self._copies = self._copies[-MAX_COPIES:]

    def drop_copies(self) -> None:
        """Forget all copies."""
        for path, _ in self._copies:
            shutil.rmtree(path)
        self._copies = []

    def roll_back(self, pick: float) -> Copy | None:
        """Kill the server, and start it with the files of a copy; return what its logs held.

        Later copies are dropped: they are of a time that has not been. None if there is no copy.
        """
        if not self._copies:
            return None
        chosen = int(pick * len(self._copies))
        for path, _ in self._copies[chosen + 1 :]:
            shutil.rmtree(path)
        self._copies = self._copies[: chosen + 1]
        source, logs = self._copies[chosen]
        self.server.kill9()
        for each in self._data.iterdir():
            if each.is_dir():
                shutil.rmtree(each)
            elif each.name != "log":
                each.unlink()
        shutil.copytree(source, self._data, dirs_exist_ok=True)
        self.server.start()
        return logs

    def delete_key(self, pick: float) -> tuple[str, str]:
        """Delete a key; return its channel and its part of the log, empty if there is no key."""
        keys = self.server.keys()
        if not keys:
            return "", ""
        key = keys[int(pick * len(keys))]
        self.server.ask("DEL", key)
        tag, _, part = key.partition("{")[2].partition("}:")
        return unquote(tag), part
