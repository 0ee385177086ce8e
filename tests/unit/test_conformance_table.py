"""The table in docs/conformance.md against the cases and notes of tests/conformance."""

from conformance.cases import CASES
from conformance.handshakes import HANDSHAKES
from conformance.hosts import HOSTS, NOTES
from conformance.table import PAGE, page


def test_table_of_the_docs_is_that_of_the_cases() -> None:
    text = PAGE.read_text("utf-8")
    assert page(text) == text


def test_each_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in CASES] + [handshake.name for handshake in HANDSHAKES]
    assert len(names) == len({*names})


def test_each_note_is_about_a_host_and_a_case() -> None:
    names = {case.name for case in CASES} | {handshake.name for handshake in HANDSHAKES}
    assert {*NOTES} <= {*HOSTS}
    assert {name for notes in NOTES.values() for name in notes} <= names
