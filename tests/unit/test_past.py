import pytest

from dash_pipe.log import Ended, Limits, Log, Loss, Position, Snapshot, translate
from dash_pipe.log.message import Message

EVERYTHING = 2**20
CLEAN, TRUNCATED = Ended("a", 10, 10), Ended("a", 10, 20)


@pytest.mark.parametrize(
    ("past", "position", "expected"),
    [
        ([CLEAN], ("a", 9), (9, Loss.NONE)),
        ([CLEAN], ("a", 10), (10, Loss.NONE)),
        ([CLEAN], ("a", 11), (10, Loss.LOST)),
        ([TRUNCATED], ("a", 9), (9, Loss.LOST)),
        ([TRUNCATED], ("a", 20), (10, Loss.LOST)),
        ([Ended("a", 0, None)], ("a", 0), (0, Loss.UNKNOWN)),
        ([CLEAN, Ended("b", 15, 15)], ("a", 10), (10, Loss.NONE)),
        ([CLEAN, Ended("b", 5, 15)], ("a", 10), (5, Loss.LOST)),
        ([TRUNCATED, Ended("b", 15, 15)], ("b", 15), (15, Loss.NONE)),
        ([TRUNCATED, Ended("b", 15, None)], ("a", 3), (3, Loss.LOST)),
        ([], ("a", 10), (0, Loss.LOST)),
        ([], ("a", 0), (0, Loss.UNKNOWN)),
        ([CLEAN], ("z", 10), (0, Loss.LOST)),
    ],
)
def test_position_of_an_earlier_epoch_is_translated(
    past: list[Ended], position: tuple[str, int], expected: tuple[int, Loss]
) -> None:
    assert translate(past, Position(*position)) == expected


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
