"""Name the events of the log, for programs that read it. Pure."""

from __future__ import annotations

Extra = dict[str, object]
"""The attributes of a record: ``event``, and the fields of docs/operations.md."""


def log_event(name: str, **fields: object) -> Extra:
    """Return what to pass as ``extra`` with a line of the log."""
    return {"event": name, **fields}
