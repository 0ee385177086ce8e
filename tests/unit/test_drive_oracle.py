"""The oracle and the plan of tests/drives, with lists in the place of servers."""

import random

import pytest

from dash_pipe.client import Gap
from dash_pipe.log import Position
from drives.history import LIVING, History, Sent
from drives.knowledge import Event, Knowledge
from drives.oracle import STALE, Listener
from drives.plan import KINDS, steps
from drives.verdict import Verdict

CHANNEL = "c"
HERE, GONE = 1, 2  # processes


class Course:
    """A history with one listener to label a; everything takes a second."""

    def __init__(self, opened: float = 100.0) -> None:
        self.now = opened
        self.history = History()
        self.listener = Listener("listener", CHANNEL, frozenset("a"), opened=opened)
        self.other: list[tuple[str, Event]] = []  # what other listeners were given
        self.verdict = Verdict()
        self.epoch = "e"
        self._head = 0
        self._knowledge = Knowledge()

    def send(self, label: str = "a", sender: str = "short", *, confirmed: bool = True) -> Sent:
        sent = self.history.begin(CHANNEL, label, sender, self._tick())
        self._head += 1
        if confirmed:
            sent.position = Position(self.epoch, self._head)
        return sent

    def give(self, *rows: Sent, gap: Gap | None = None) -> None:
        numbers = tuple(sent.number for sent in rows)
        gaps = () if gap is None else (gap,)
        self.listener.events.append(Event(self._tick(), numbers, gaps, self.epoch, HERE))

    def give_another(self, sent: Sent, process: int) -> None:
        self.other.append((CHANNEL, Event(self._tick(), (sent.number,), process=process)))

    def roll_back(self, copy) -> None:
        self.history.roll_back(copy, self._tick())
        self.epoch += "+"

    def lose_all(self) -> None:
        self.history.vanish("flush", self._tick())
        self.epoch, self._head = self.epoch + "!", 0

    def judge(self) -> Verdict:
        events = [*self.other, *((CHANNEL, event) for event in self.listener.events)]
        self._knowledge.learn(self.history, events, {HERE}, {CHANNEL})
        upto = len(self.history.sent)
        self.listener.judge(self.history, upto, self._tick(), self._knowledge, self.verdict)
        return self.verdict

    def _tick(self) -> float:
        self.now += 1
        return self.now


def figures(verdict: Verdict) -> dict[str, int]:
    """Return the figures that are not 0."""
    found = {
        "told": verdict.told,
        "unknown": verdict.unknown,
        "physics": verdict.physics,
        "silent": len(verdict.silent),
        "doubled": len(verdict.doubled),
        "false": len(verdict.false),
    }
    return {name: figure for name, figure in found.items() if figure}


@pytest.fixture
def course() -> Course:
    return Course()


def test_oracle_with_every_message_delivered_once_finds_nothing(course: Course) -> None:
    course.give(course.send(), course.send())
    course.send("b")
    course.give(course.send())
    assert figures(course.judge()) == {}
    assert course.verdict.is_good
    assert course.verdict.deliveries == 3


def test_oracle_message_without_delivery_or_gap_is_silent(course: Course) -> None:
    course.give(course.send())
    course.send()
    assert figures(course.judge()) == {"silent": 1}
    assert not course.verdict.is_good


def test_oracle_message_from_before_the_subscription_is_not_due() -> None:
    course = Course()
    course.send()
    course.listener.opened = course.now + 0.5
    course.give(course.send())
    assert figures(course.judge()) == {}


def test_oracle_unconfirmed_message_is_not_due_but_may_come_once(course: Course) -> None:
    lost, come = course.send(confirmed=False), course.send(confirmed=False)
    course.give(come)
    assert figures(course.judge()) == {}
    course.give(come)
    assert figures(course.judge()) == {"doubled": 1}
    assert lost.number not in course.listener.delivered


def test_oracle_message_twice_late_or_of_another_label_is_doubled(course: Course) -> None:
    first, second, other = course.send(), course.send(), course.send("b")
    course.give(first)
    course.give(first)
    assert figures(course.judge()) == {"doubled": 1, "silent": 1}
    course.give(course.send())
    course.give(second)
    course.give(other)
    assert figures(course.judge()) == {"doubled": 3, "silent": 1}


def test_oracle_window_gap_covers_only_its_offsets(course: Course) -> None:
    course.send(), course.send(), course.send()
    course.give(gap=Gap(1, 2, "window"))
    assert figures(course.judge()) == {"told": 1, "silent": 2}


def test_oracle_window_gap_without_a_lost_message_is_false(course: Course) -> None:
    course.give(course.send())
    course.send("b")
    course.give(gap=Gap(1, 2, "window"))
    assert figures(course.judge()) == {"false": 1}


def test_oracle_window_gap_that_is_counted_twice_is_false(course: Course) -> None:
    course.send()
    course.give(gap=Gap(0, 1, "window"))
    course.give(gap=Gap(0, 1, "window"))
    assert figures(course.judge()) == {"told": 1, "false": 1}


def test_oracle_window_gap_may_be_of_an_unconfirmed_message(course: Course) -> None:
    course.send(confirmed=False)
    course.give(gap=Gap(0, 1, "window"))
    assert figures(course.judge()) == {}


def test_oracle_epoch_gap_without_a_loss_is_false(course: Course) -> None:
    course.give(course.send(), gap=Gap(0, None, "epoch"))
    assert figures(course.judge()) == {"false": 1}


def test_oracle_loss_of_a_log_is_told_by_one_gap(course: Course) -> None:
    course.give(course.send())
    course.send()
    course.lose_all()
    course.give(course.send(), gap=Gap(1, None, "epoch"))
    assert figures(course.judge()) == {"told": 1}
    course.give(gap=Gap(1, None, "epoch"))
    assert figures(course.judge()) == {"told": 1, "false": 1}


def test_oracle_window_gap_of_the_new_log_does_not_cover_the_old(course: Course) -> None:
    course.give(course.send())
    course.send()
    course.lose_all()
    course.now += 30
    course.give(gap=Gap(1, 2, "window"))
    assert figures(course.judge()) == {"silent": 1, "false": 1}


def test_oracle_epoch_gap_covers_only_what_redis_has_lost(course: Course) -> None:
    course.give(course.send())
    course.send()
    course.lose_all()
    course.send(), course.send()
    course.give(gap=Gap(1, None, "epoch"))
    course.give(gap=Gap(0, 1, "window"))
    assert figures(course.judge()) == {"told": 2, "silent": 1}


def test_oracle_gap_may_be_of_what_a_removed_part_held(course: Course) -> None:
    course.send()
    course.history.damage("rows", CHANNEL, course.now + 0.5)
    course.give(gap=Gap(0, None, "epoch"))
    assert figures(course.judge()) == {"told": 1}
    course.history.damage("rows", CHANNEL, course.now)
    course.give(gap=Gap(1, None, "epoch"))
    assert figures(course.judge()) == {"told": 1, "false": 1}


def test_oracle_rolled_back_message_that_was_delivered_may_be_told(course: Course) -> None:
    copy = course.history.copy()
    course.give(course.send())
    course.roll_back(copy)
    course.give(course.send(), gap=Gap(0, None, "epoch"))
    assert figures(course.judge()) == {}


@pytest.mark.parametrize(
    ("sender", "process", "word"),
    [
        ("short", 0, "physics"),
        ("short", GONE, "physics"),
        ("short", HERE, "silent"),
        (LIVING, 0, "silent"),
        (LIVING, GONE, "silent"),
    ],
)
def test_oracle_rollback_that_nobody_told_is_physics_if_nobody_knew(
    course: Course, sender: str, process: int, word: str
) -> None:
    course.give(course.send())
    copy = course.history.copy()
    lost = course.send(sender=sender)
    if process:
        course.give_another(lost, process)
    course.roll_back(copy)
    course.give(course.send())
    assert figures(course.judge()) == {word: 1}


def test_oracle_process_that_has_not_looked_again_tells_nothing() -> None:
    history, knowledge = History(), Knowledge()
    lost = history.begin(CHANNEL, "a", "short", 1.0)
    history.roll_back({}, 2.0)
    (loss,) = history.losses
    event = Event(1.5, (lost.number,), process=HERE)
    knowledge.learn(history, [(CHANNEL, event)], {HERE}, set())
    knowledge.learn(history, [], {GONE}, {CHANNEL})
    assert not knowledge.has(loss)
    knowledge.learn(history, [], {HERE}, {CHANNEL})
    assert knowledge.has(loss)


def test_oracle_listener_that_was_ahead_must_be_told(course: Course) -> None:
    copy = course.history.copy()
    course.give(course.send())
    course.send()
    course.roll_back(copy)
    course.give(course.send())
    assert figures(course.judge()) == {"silent": 1}


def test_oracle_loss_without_a_rollback_is_never_physics(course: Course) -> None:
    course.send()
    course.lose_all()
    course.give(course.send())
    assert figures(course.judge()) == {"silent": 1}


def test_oracle_unknown_covers_a_damaged_log_or_one_without_a_message(course: Course) -> None:
    course.send()
    course.lose_all()
    course.give(course.send(), gap=Gap(0, None, "unknown"))
    assert figures(course.judge()) == {"unknown": 1}
    course.send()
    course.give(gap=Gap(1, None, "unknown"))
    assert figures(course.judge()) == {"unknown": 1, "silent": 1}
    course.send()
    course.history.damage("lost", CHANNEL, course.now)
    course.give(gap=Gap(1, None, "unknown"))
    assert figures(course.judge()) == {"unknown": 2, "silent": 1}
    assert course.verdict.doubts == 3


def test_oracle_loss_of_which_nobody_knew_may_be_told_later(course: Course) -> None:
    course.give(course.send())
    copy = course.history.copy()
    course.send()
    course.roll_back(copy)
    course.give(course.send())
    assert figures(course.judge()) == {"physics": 1}
    course.give(gap=Gap(1, None, "epoch"))
    assert figures(course.judge()) == {"physics": 1}
    course.give(gap=Gap(1, None, "epoch"))
    assert figures(course.judge()) == {"physics": 1, "false": 1}


def test_oracle_second_loss_may_have_its_gap_in_the_next_period_and_not_later() -> None:
    course = Course()
    copy = course.history.copy()
    for _ in range(2):
        course.send()
        course.roll_back(copy)
    course.give(gap=Gap(1, None, "epoch"))
    assert figures(course.judge()) == {"told": 2}
    course.give(gap=Gap(1, None, "epoch"))  # a sender that knew of the other comes back
    assert figures(course.judge()) == {"told": 2}
    assert course.verdict.late == 1
    course.give(gap=Gap(1, None, "epoch"))
    assert figures(course.judge()) == {"told": 2, "false": 1}


def test_oracle_gap_of_a_process_that_was_behind_is_not_false() -> None:
    course = Course()
    course.send()
    course.lose_all()
    course.listener.opened = course.now + STALE / 2
    course.now += STALE / 2
    course.give(course.send(), gap=Gap(1, None, "epoch"))
    assert figures(course.judge()) == {}


def test_verdict_shows_two_cases_of_each_second_and_the_sums_of_listeners() -> None:
    silent = [f"{second}.5 {name}: {n} (a)" for second in (8, 7) for n in range(3) for name in "pq"]
    verdict = Verdict(silent=silent, false=["9.1 p: a gap"])
    assert verdict.cases() == [
        "p: 7 cases",
        "q: 6 cases",
        "silent: 7.5 p: 0 (a)",
        "silent: 7.5 q: 0 (a)",
        "silent: 8.5 p: 0 (a)",
        "silent: 8.5 q: 0 (a)",
        "false: 9.1 p: a gap",
    ]


def test_history_that_returns_to_a_copy_twice_loses_only_what_is_there() -> None:
    history = History()
    numbers = [history.begin(CHANNEL, "a", "short", 1.0).number]
    copy = history.copy()
    for now in (2.0, 3.0):
        numbers.append(history.begin(CHANNEL, "a", "short", now).number)
        history.roll_back(copy, now)
    assert [sorted(loss.lost) for loss in history.losses] == [numbers[1:2], numbers[2:]]
    history.roll_back(copy, 4.0)
    assert len(history.losses) == 2
    history.vanish("flush", 5.0)
    assert sorted(history.losses[-1].lost) == numbers[:1]


def test_history_message_that_failed_is_in_no_log() -> None:
    history = History()
    history.fail(history.begin(CHANNEL, "a", "short", 1.0))
    assert history.copy() == {CHANNEL: ()}
    assert history.of(CHANNEL) == []


def test_plan_of_a_seed_is_the_same_and_within_its_time() -> None:
    plan = steps(random.Random(1), 60.0)
    assert plan == steps(random.Random(1), 60.0)
    assert plan != steps(random.Random(2), 60.0)
    assert all(0 < step.at < 60 for step in plan)
    assert [step.at for step in plan] == sorted(step.at for step in plan)


def test_plan_of_ten_minutes_has_every_kind() -> None:
    assert {step.kind for step in steps(random.Random(3), 600.0)} == set(KINDS)
