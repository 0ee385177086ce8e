"""The epochs that a subscription left."""

from dash_pipe.client.left_epochs import LeftEpochs
from dash_pipe.log import MAX_PAST, Ended, Loss, Position


def test_forgotten_epoch_that_is_named_again_with_a_loss_counts_once() -> None:
    left = LeftEpochs()
    assert left.cross((Ended("a", 5, 5), Ended("b", 5, 5)), Position("b", 5)) is Loss.NONE
    assert left.cross((Ended("a", 5, 5), Ended("c", 5, 5)), Position("c", 5)) is Loss.NONE
    past = (Ended("a", 5, 5), Ended("b", 5, 6), Ended("c", 5, 5), Ended("d", 5, 5))
    assert left.cross(past, Position("d", 5)) is Loss.LOST
    assert left.cross((*past, Ended("e", 5, 5)), Position("e", 5)) is Loss.NONE


def test_epoch_that_is_named_only_later_counts_if_an_older_one_was_left() -> None:
    left = LeftEpochs()
    assert left.cross((Ended("a", 5, 6),), Position("a", 5)) is Loss.LOST
    past = (Ended("a", 5, 6), Ended("b", 5, 7), Ended("c", 5, 5))
    assert left.cross(past, Position("c", 5)) is Loss.LOST
    assert left.cross((*past, Ended("d", 5, 5)), Position("d", 5)) is Loss.NONE


def test_epoch_from_before_the_subscription_counts_nothing() -> None:
    left = LeftEpochs()
    assert left.cross((Ended("a", 5, 6), Ended("b", 5, 5)), Position("b", 5)) is Loss.NONE
    assert left.cross((Ended("a", 5, 8), Ended("c", 5, 5)), Position("c", 5)) is Loss.NONE


def test_unknown_loss_that_turns_out_to_be_one_counts() -> None:
    left = LeftEpochs()
    assert left.cross((Ended("a", 0, None),), Position("a", 0)) is Loss.UNKNOWN
    past = (Ended("a", 0, 3), Ended("b", 0, 0))
    assert left.cross(past, Position("b", 0)) is Loss.LOST


def test_left_epochs_are_bounded() -> None:
    left = LeftEpochs()
    for number in range(3 * MAX_PAST):
        left.cross((Ended(str(number), 5, 5),), Position(str(number), 5))
    assert len(left._losses) == MAX_PAST
