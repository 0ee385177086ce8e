"""The losses that a log reports for messages that left it."""

from dash_pipe.log.limits import LOSSES_PER_LABEL
from dash_pipe.log.losses import MAX_NAMED, Losses
from dash_pipe.log.message import Lost, Message
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


def kept(losses: Losses, labels: str | None, after: int = 0) -> list[Lost]:
    return losses.after(after, None if labels is None else frozenset(labels))


def losses_of(room: int, **offsets: int) -> Losses:
    losses = Losses(room)
    for label, offset in offsets.items():
        losses.note(Message.of(f'[{offset},"{label}",0,0.000]'))
    return losses


def test_label_without_room_shares_the_rest_with_all_others() -> None:
    losses = losses_of(2, a=1, b=2, c=3)
    assert kept(losses, None) == [(None, 1), ("b", 2), ("c", 3)]
    assert kept(losses, "a") == kept(losses, "never") == [(None, 1)]
    assert kept(losses, "ab") == [(None, 1), ("b", 2)]
    assert kept(losses, "bc") == [("b", 2), ("c", 3)]
    assert kept(losses, "never", after=1) == []


def test_losses_in_any_order_forget_the_oldest_offset_first() -> None:
    # As when the newest message of a quiet label is dropped long after it has left the window.
    losses = losses_of(2, a=9, b=2, c=5)
    assert kept(losses, None) == [(None, 2), ("c", 5), ("a", 9)]
    losses.note(Message.of('[1,"d",0,0.000]'))
    assert kept(losses, "d") == [(None, 2)]


def test_losses_below_the_rest_are_covered_by_it() -> None:
    assert kept(Losses(9, {"a": 3, "b": 4}, 3), None) == [(None, 3), ("b", 4)]


def test_label_that_loses_again_is_named_with_its_newest_offset() -> None:
    losses = Losses(2)
    for offset in range(1, 100):
        losses.note(Message.of(f'[{offset},"a",0,0.000]'))
    losses.note(Message.of('[100,"b",0,0.000]'))
    assert kept(losses, None) == [("a", 99), ("b", 100)]
    assert len(losses._oldest) <= 5


def test_answer_names_the_newest_losses_only() -> None:
    losses = Losses(1000, {f"label {number}": number for number in range(1, 501)})
    answer = kept(losses, None)
    assert len(answer) == MAX_NAMED + 1
    assert answer[0] == (None, 500 - MAX_NAMED)
    assert answer[1:] == [(f"label {n}", n) for n in range(501 - MAX_NAMED, 501)]


def test_loss_tables_are_limited(clock: Clock) -> None:
    log = log_of(clock, messages=10, labels=2)
    for number in range(1000):
        log.append(f"label {number}", "0")
    assert len(read(log)) == 10
    assert len(log._losses._named) == 2 * LOSSES_PER_LABEL
    assert log.lost(0, frozenset({"label 0"})) == [(None, 990 - 2 * LOSSES_PER_LABEL)]
