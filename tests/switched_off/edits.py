"""Edits of the sources: changes, each at a place named by its symbol."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from switched_off import edit_python
from switched_off.changes import Change, EditError, Replace

EDIT_TYPESCRIPT = Path(__file__).with_name("edit_typescript.js")

Answer = tuple[str, str]  # the new text, or why the change does not fit


class Edit(NamedTuple):
    """A change at a place: ``src/pacing.ts:Pacer.flush``, ``dash_pipe/log/log.py:Log.read``."""

    place: str
    change: Change

    @property
    def file(self) -> str:
        """Return the file's path from the root of the project."""
        return self.place.partition(":")[0]

    @property
    def symbol(self) -> str:
        """Return the names of the enclosing classes and functions, joined by dots."""
        return self.place.partition(":")[2]


def apply(root: Path, edits: Iterable[Edit]) -> dict[Edit, str]:
    """Return for each edit the new text of its file. Write nothing; no edit sees another.

    Raises:
        EditError: Edits do not fit. It names each of them.
    """
    texts = {edit: (root / edit.file).read_text(encoding="utf-8") for edit in edits}
    in_python = {edit: text for edit, text in texts.items() if edit.file.endswith(".py")}
    in_lua = {edit: text for edit, text in texts.items() if edit.file.endswith(".lua")}
    others = {
        edit: text for edit, text in texts.items() if edit not in in_python and edit not in in_lua
    }
    answers = _edit_python(in_python) | _edit_lua(in_lua) | _edit_typescript(others)
    if faults := [f"{edit.place}: {fault}" for edit, (_, fault) in answers.items() if fault]:
        raise EditError("\n".join(faults))
    return {edit: text for edit, (text, _) in answers.items()}


def _edit_python(texts: dict[Edit, str]) -> dict[Edit, Answer]:
    answers = {}
    for edit, text in texts.items():
        try:
            answers[edit] = edit_python.edit(text, edit.symbol, edit.change), ""
        except (EditError, SyntaxError) as error:
            answers[edit] = "", str(error)
    return answers


def _edit_lua(texts: dict[Edit, str]) -> dict[Edit, Answer]:
    """Replace texts: a place in a script has no symbol."""
    answers = {}
    for edit, text in texts.items():
        assert isinstance(edit.change, Replace)
        found = text.count(edit.change.was)
        fault = "" if found == 1 else f"expected {edit.change.was!r} once, found it {found} times"
        answers[edit] = text.replace(edit.change.was, edit.change.now), fault
    return answers


def _edit_typescript(texts: dict[Edit, str]) -> dict[Edit, Answer]:
    """Make all edits in one run of Node, which starts slowly."""
    if not texts:
        return {}
    requests = [
        {
            "text": text,
            "symbol": edit.symbol,
            "change": [type(edit.change).__name__, asdict(edit.change)],
        }
        for edit, text in texts.items()
    ]
    done = subprocess.run(
        ["node", EDIT_TYPESCRIPT],
        input=json.dumps(requests),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise EditError(done.stderr)
    return {
        edit: (text, fault)
        for edit, (text, fault) in zip(texts, json.loads(done.stdout), strict=True)
    }
