"""The ends of faults that last, of tests/drives."""

from drives.undo import Undo


def test_undo_makes_due_calls_once_and_those_of_a_kind_at_once() -> None:
    undo, made = Undo(), []
    undo.add(1.0, "stop", lambda: made.append("first"))
    undo.add(3.0, "stop", lambda: made.append("second"))
    undo.add(2.0, "leave", lambda: made.append("third"))
    assert undo.next() == 1.0
    undo.due(1.5)
    undo.due(1.5)
    assert made == ["first"]
    undo.all("stop", "redis")
    assert made == ["first", "second"]
    assert undo.next() == 2.0
    undo.due(2.0)
    assert made == ["first", "second", "third"]
    assert undo.next() == float("inf")
