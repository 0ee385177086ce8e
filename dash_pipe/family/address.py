"""Name the directory of a process's relay in one environment variable, which children inherit.

The directory is private to the user, so the variable holds no secret. It is made when its process
serves its first page: a pool of processes that is older knows where to look.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import MutableMapping

from .door import PREFIX

VARIABLE = "_DASH_PIPE_RELAY"  # not a setting, so it lacks their prefix
MAX_BASE = 60  # bytes; the path of a unix socket has about 100


def claim(environ: MutableMapping[str, str]) -> str:
    """Name this process in the environment, unless it is named already. Return the directory."""
    found = _read(environ)
    if found is not None and found[0] == os.getpid():
        return found[1]
    directory = os.path.join(_base(), f"{PREFIX}{secrets.token_hex(8)}")
    environ[VARIABLE] = f"{os.getpid()}:{directory}"
    return directory


def of_parent(environ: MutableMapping[str, str]) -> str | None:
    """Return the directory of the process that started this one, if that has an app."""
    found = _read(environ)
    return None if found is None or found[0] == os.getpid() else found[1]


def release(environ: MutableMapping[str, str]) -> None:
    """Remove the name of this process from the environment."""
    found = _read(environ)
    if found is not None and found[0] == os.getpid():
        del environ[VARIABLE]


def _read(environ: MutableMapping[str, str]) -> tuple[int, str] | None:
    """Return the id of the process and its directory; ``None`` if there are none."""
    pid, _, directory = environ.get(VARIABLE, "").partition(":")
    return (int(pid), directory) if pid.isdecimal() and os.path.isabs(directory) else None


def _base() -> str:
    """Return the directory for temporary files; one with a long path can't hold a socket."""
    base = tempfile.gettempdir()
    return "/tmp" if len(os.fsencode(base)) > MAX_BASE and os.path.isdir("/tmp") else base
