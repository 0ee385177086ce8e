"""Write the table of outcomes into docs/brokers.md, or check that it is current.

tests/brokers/outcomes.py has the outcomes, and tests/brokers/test_outcomes.py holds them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent

if TYPE_CHECKING:
    from brokers.outcomes import Event, Outcome

PAGE = ROOT / "docs" / "brokers.md"
BEGIN, END = "<!-- written by tools/outcomes.py -->\n", "<!-- /written -->\n"


def cell(outcome: Outcome) -> str:
    """Return the words for an outcome."""
    gets = "the rest" if outcome.lost else "everything"
    if outcome.told:
        return f"{gets}, `{outcome.told}`"
    return f"{gets}, **silently**" if outcome.lost else gets


def together(outcomes: Mapping[str, Outcome], left: Mapping[str, Outcome]) -> str:
    """Return the words for all positions in one cell; the cells of ``left`` are left of it."""
    positions: dict[str, list[str]] = {}
    for name, outcome in outcomes.items():
        positions.setdefault(cell(outcome), []).append(name)
    if len(positions) == 1:
        return next(iter(positions))
    if outcomes == left:
        return "as on the left"
    return "; ".join(f"{' or '.join(names)}: {words}" for words, names in positions.items())


def table(events: Mapping[str, Event]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| event | page ahead | page at | page behind | page away |\n"
    yield "|---|---|---|---|---|\n"
    for event in events.values():
        cells = [event.title, *map(cell, event.present.values())]
        yield f"| {' | '.join([*cells, together(event.away, event.present)])} |\n"


def main() -> None:
    """Write the table; with --check fail if it is stale."""
    sys.path.insert(0, str(ROOT / "tests"))
    from brokers.outcomes import EVENTS

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when stale")
    check = parser.parse_args().check
    old = PAGE.read_text("utf-8")
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    assert after, f"no markers in {PAGE.name}"
    new = "".join([before, BEGIN, *table(EVENTS), END, after])
    if check and new != old:
        sys.exit(f"stale: the table in docs/{PAGE.name}. Run `make build` and commit.")
    if new != old:
        PAGE.write_text(new, "utf-8")
        print(f"wrote the table in docs/{PAGE.name}")


if __name__ == "__main__":
    main()
