"""Write the table of docs/conformance.md: `cd tests && python -m conformance.table`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from conformance.cases import CASES
from conformance.handshakes import HANDSHAKES
from conformance.hosts import NOTES, Note

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
BEGIN, END = "<!-- written by tests/conformance/table.py -->\n", "<!-- /written -->\n"


def table() -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| a client sends | RFC 6455 | right is | otherwise |\n"
    yield "|---|---|---|---|\n"
    for handshake in HANDSHAKES:
        name = f"handshake: {handshake.name}"
        yield _line(name, handshake.section, handshake.outcome, handshake.name)
    for case in CASES:
        yield _line(case.name, case.section, case.expects, case.name)


def _line(name: str, section: str, right: str, key: str) -> str:
    hosts: dict[str, list[str]] = {}
    for host, notes in NOTES.items():
        if key in notes:
            hosts.setdefault(_shown(notes[key]), []).append(host)
    otherwise = "; ".join(f"{', '.join(names)}: {note}" for note, names in hosts.items())
    return f"| {name} | {section} | {right} | {otherwise} |\n"


def _shown(note: Note) -> str:
    outcomes = " or ".join(", ".join(outcome) or "no close" for outcome in note.outcomes)
    return f"{outcomes} ({note.why})"


def page(old: str) -> str:
    """Return the text of the page with the table of today."""
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "".join([before, BEGIN, *table(), END, after])


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
