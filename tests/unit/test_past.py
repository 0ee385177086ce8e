from typing import Any

import pytest

from dash_pipe.log import (
    Ended,
    Limits,
    Log,
    Message,
    Past,
    Position,
    Snapshot,
    graft,
    raise_ends,
    translate,
)
from unit.vectors import vectors

EVERYTHING = 2**20


@vectors("translate")
def test_position_of_an_earlier_epoch_is_translated(vector: dict[str, Any]) -> None:
    past = [Ended(*entry) for entry in vector["past"]]
    offset, loss = translate(past, Position(**vector["position"]))
    assert (offset, loss.name.lower()) == (vector["offset"], vector["loss"])


A, B, C = Ended("a", 2, 3), Ended("b", 4, 4), Ended("c", 4, 6)
OLDER, YOUNGER = Ended("ab", 2, 5), Ended("bb", 2, 5)


@pytest.mark.parametrize(
    ("past", "lineage", "expected"),
    [
        ((A, B), (), (A, B)),  # it is named
        ((A,), (Ended("a", 5, 5),), (A, Ended("b", 2, 5))),  # it had what the other had
        ((A, C), (Ended("a", 1, 1),), (A, Ended("b", 1, 1), C)),
        ((A, C), (A, Ended("forgotten", 3, 3)), (A, Ended("b", 2, 2), C)),
        ((A, C), (A, C), (A, C, Ended("b", 4, 4))),  # the newest counts
        ((A, OLDER, C), (A,), (A, OLDER, Ended("b", 2, 2), C)),  # both parted there
        ((A, YOUNGER, C), (A,), (A, Ended("b", 2, 2), YOUNGER, C)),
        ((C,), (A,), (C,)),  # nothing is known of it
        ((), (A,), ()),
    ],
)
def test_forgotten_epoch_is_named_where_it_parted(
    past: Past, lineage: Past, expected: Past
) -> None:
    assert graft(past, "b", lineage) == expected


@pytest.mark.parametrize(
    ("ended", "known", "end"),
    [
        (A, Ended("a", 5, 5), 5),
        (A, Ended("a", 2, 4), 4),
        (A, Ended("a", 1, 3), 3),
        (A, Ended("b", 5, 5), 3),
        (Ended("a", 2, None), Ended("a", 3, None), 3),
        (Ended("a", 2, None), Ended("a", 2, 2), None),
    ],
)
def test_end_is_raised_to_what_another_past_knows(
    ended: Ended, known: Ended, end: int | None
) -> None:
    assert raise_ends((ended, C), (known,)) == (ended._replace(end=end), C)


def mirror() -> Log:
    log = Log("", Limits())
    window = [Message.of(f'[{offset},"a",0,9999999999.000]') for offset in range(1, 5)]
    log.load(Snapshot("b", 4, window, [], {}, 0, (Ended("a", 2, 3),)))
    return log


def test_reader_of_an_earlier_epoch_reads_from_where_it_ended() -> None:
    batch = mirror().read(3, None, EVERYTHING, "a")
    assert [row[1] for row in batch.rows] == ["3", "4"]
    assert batch.past == (Ended("a", 2, 3),)


def test_reader_of_the_present_epoch_is_told_no_past() -> None:
    assert mirror().read(3, None, EVERYTHING, "b").past == ()


def test_renamed_log_keeps_its_content_and_goes_on() -> None:
    log = mirror()
    log.rename("c", (Ended("b", 4, 4),))
    assert log.end == Position("c", 4)
    assert log.read(4, None, EVERYTHING, "b").rows == []
    log.add(Message.of('[5,"a",0,9999999999.000]'))
    assert log.end == Position("c", 5)


def test_newest_up_to_a_position_of_an_earlier_epoch_are_those_the_log_has() -> None:
    log = mirror()
    log.rename("c", (Ended("a", 2, 3), Ended("b", 4, 4)))
    log.add(Message.of('[5,"a",0,9999999999.000]'))
    assert [message.offset for message in log.newest(None, 9, Position("b", 4))] == [1, 2, 3, 4]
    assert log.newest(None, 9, Position("a", 2)) == []
