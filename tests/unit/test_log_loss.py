"""The losses that a log reports for messages that left it."""

from unit.fakes import EVERYTHING, Clock, log_of, read


def test_lost_counts_only_the_given_labels(clock: Clock) -> None:
    log = log_of(clock, "qbbbbb", messages=2)
    assert log.read(0, frozenset("q"), EVERYTHING).lost == []
    assert log.lost(0, frozenset("qb")) == [("b", 4)]
    assert log.lost(0, frozenset("z")) == []


def test_lost_counts_only_after_the_position(clock: Clock) -> None:
    log = log_of(clock, "aaaaa", messages=2)
    assert log.lost(2, None) == [("a", 3)]
    assert log.lost(3, None) == []
    assert log.read(3, None, EVERYTHING) == log.read(3, frozenset("a"), EVERYTHING)
    assert log.read(3, None, EVERYTHING).lost == []


def test_label_without_a_record_counts_as_lost(clock: Clock) -> None:
    log = log_of(clock, "abcdeeee", messages=1, labels=2)
    # a, b and e lost most; the table has room for two of them, and `null` is for the others.
    lost = dict(log.lost(0, None))
    assert None in lost
    assert len(lost) <= 3
    assert dict(log.lost(0, frozenset("a"))) == {"a": lost.get("a", lost[None])}
    assert dict(log.lost(0, frozenset("never"))).keys() == set("never")
    assert log.lost(8, frozenset("never")) == []


def test_loss_tables_are_limited(clock: Clock) -> None:
    log = log_of(clock, messages=10, labels=16)
    for number in range(1000):
        log.append(f"label {number}", "0")
    assert len(log.lost(0, None)) == 17
    assert len(read(log)) == 16
    assert (None, 968) in log.lost(0, None)


def test_loss_table_drops_the_oldest_loss_first(clock: Clock) -> None:
    log = log_of(clock, "abacxx", messages=1, labels=2)
    assert log.lost(0, frozenset("never")) == [(label, 2) for label in "enrv"]  # not 3, a's


def test_bound_of_dropped_losses_never_decreases(clock: Clock) -> None:
    # p, q and k are kept outside the window and lost later, after b's greater loss was forgotten.
    log = log_of(clock, "pqkbbccdde", messages=1, labels=4)
    assert log.lost(0, frozenset("b")) == [("b", 4)]
