"""The table of outcomes in docs/brokers.md."""

from brokers.outcomes import EVENTS, Event, Outcome
from tools.outcomes import PAGE, table

LOST = Outcome((3, 4), "epoch")
SILENT = Outcome((3, 4))
ALL = Outcome()
THREE = {"ahead": ALL, "at": LOST, "behind": SILENT}


def cells(event: Event) -> list[str]:
    """Return the cells of the only line of a table."""
    *_, line = table({"": event})
    return line.strip("|\n ").split(" | ")


def test_cell_names_the_cause_of_a_gap_and_the_silence() -> None:
    line = cells(Event("It rains", THREE, dict.fromkeys(THREE, LOST)))
    assert line[:4] == ["It rains", "everything", "the rest, `epoch`", "the rest, **silently**"]
    assert line[4] == "the rest, `epoch`"


def test_cell_of_pages_that_are_away_names_positions_that_differ() -> None:
    assert cells(Event("", THREE, THREE))[-1] == "as on the left"
    away = {"ahead": ALL, "at": LOST, "behind": LOST}
    assert cells(Event("", THREE, away))[-1] == "ahead: everything; at or behind: the rest, `epoch`"


def test_table_of_the_docs_is_that_of_the_tests() -> None:
    assert "".join(table(EVENTS)) in PAGE.read_text("utf-8")
