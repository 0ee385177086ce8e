"""A mirror of a log in Redis, with a list instead of Redis."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_pipe.brokers.redis.commands import Entry, Reading
from dash_pipe.brokers.redis.known import NOTHING, Head, Known
from dash_pipe.brokers.redis.mirror import Mirror, Next
from dash_pipe.log import Ended, Limits, Position, translate
from unit.fakes import Clock


class RedisLog:
    """A log as in Redis: append to it, roll it back, restart Redis.

    ``check`` does what channel.lua does.
    """

    def __init__(self, window: int = 100) -> None:
        self.epoch = "epoch 0"
        self.past: list[Ended] = []
        self.messages: list[tuple[str, float]] = []  # mark and time
        self.window = window
        self.now = 1000.0
        self.run = "run 0"
        self.whole = True
        self._began = self.run
        self._marks = 0

    @property
    def head(self) -> Head:
        mark = self.messages[-1][0] if self.messages else ""
        return Head(self.epoch, len(self.messages), mark, self._began, tuple(self.past))

    def append(self) -> tuple[str, str, str, str]:
        """Append a message; return the announcement."""
        self.check(NOTHING)
        before = self.head.mark
        self._marks += 1
        self.now += 1
        self.messages.append((f"m{self._marks}", self.now))
        entry = self.entry(len(self.messages))
        return self.epoch, before, entry.mark, entry.row

    def entry(self, offset: int) -> Entry:
        mark, time = self.messages[offset - 1]
        return Entry(offset, mark, f'[{offset},"a","{mark}",{time:.3f}]')

    def roll_back(self, count: int) -> None:
        """Lose messages without a sign, as when a replica takes over behind a proxy."""
        del self.messages[max(0, len(self.messages) - count) :]

    def restart(self, lost: int = 0) -> None:
        self.roll_back(lost)
        self.run = f"run {int(self.run.split()[1]) + 1}"

    def check(self, known: Known) -> None:
        self.whole = True
        head, epoch = len(self.messages), self.epoch
        if self.run != self._began:
            self._begin(head, head)
        if known.epoch == self.epoch:
            there = [*self.messages, ("", 0.0)][known.offset - 1][0] if known.offset <= head else ""
            if there != known.mark:
                old = [time for _, time in self.messages if time <= float(known.time)]
                self._begin(len(old), known.offset)
        for number, ended in enumerate(self.past):
            if ended.epoch == known.epoch and known.offset > (ended.end or 0):
                self.past[number] = ended._replace(end=known.offset)
                if self.epoch == epoch:
                    self._begin(head, head)

    def _begin(self, offset: int, end: int) -> None:
        self.past.append(Ended(self.epoch, offset, end))
        self.epoch, self._began = f"epoch {int(self.epoch.split()[1]) + 1}", self.run

    def read(self, after: int) -> Reading:
        head = len(self.messages)
        first = max(1, head + 1 - self.window)
        entries = [self.entry(n) for n in range(max(first, after), head + 1)]
        before = self.messages[first - 2][0] if first > 1 else ""
        lost = {"a": first - 1} if first > 1 else {}
        return Reading(after, self.head, self.whole, first, before, entries, [], lost, 0, self.now)


def catch_up(mirror: Mirror, redis_log: RedisLog) -> list[Next]:
    """Check and read until the mirror is in step, like the sync; return the steps."""
    steps = [mirror.compare(redis_log.head, redis_log.run)]
    while steps[-1] is not Next.NOTHING:
        if steps[-1] is Next.CHECK:
            redis_log.check(mirror.known)
            steps.append(mirror.compare(redis_log.head, redis_log.run))
        else:
            after = mirror.log.head if steps[-1] is Next.READ else 0
            steps.append(mirror.take(redis_log.read(after), redis_log.run))
        assert len(steps) < 10
    return steps[:-1]


def marks(mirror: Mirror) -> list[str]:
    return [json.loads(row)[2] for row in mirror.log.read(0, None, 2**30).rows]


@pytest.fixture
def redis_log() -> RedisLog:
    return RedisLog()


@pytest.fixture
def mirror(clock: Clock, redis_log: RedisLog) -> Mirror:
    """Return a mirror that has read three messages."""
    mirror = Mirror(Limits(), clock=clock)
    for _ in range(3):
        redis_log.append()
    assert catch_up(mirror, redis_log) == [Next.READ]
    return mirror


def test_announcements_in_order_need_no_reading(redis_log: RedisLog, mirror: Mirror) -> None:
    announced = redis_log.append()
    assert mirror.hear(*announced)
    assert mirror.hear(*announced)  # again does nothing
    assert marks(mirror) == ["m1", "m2", "m3", "m4"]
    assert catch_up(mirror, redis_log) == []


def test_missed_announcement_is_caught_up_by_reading(redis_log: RedisLog, mirror: Mirror) -> None:
    redis_log.append()
    assert not mirror.hear(*redis_log.append())
    assert catch_up(mirror, redis_log) == [Next.READ]
    assert marks(mirror) == ["m1", "m2", "m3", "m4", "m5"]


def test_restart_with_all_messages_continues_without_a_reading(
    redis_log: RedisLog, mirror: Mirror
) -> None:
    redis_log.restart()
    assert catch_up(mirror, redis_log) == [Next.CHECK]
    assert mirror.log.end == ("epoch 1", 3)
    assert mirror.log.past == (Ended("epoch 0", 3, 3),)
    assert mirror.hear(*redis_log.append())
    assert marks(mirror) == ["m1", "m2", "m3", "m4"]


def test_restart_whose_new_messages_came_first_continues(
    redis_log: RedisLog, mirror: Mirror
) -> None:
    redis_log.restart()
    assert not mirror.hear(*redis_log.append())
    assert catch_up(mirror, redis_log) == [Next.READ]
    assert mirror.log.end == ("epoch 1", 4)
    assert marks(mirror) == ["m1", "m2", "m3", "m4"]


@pytest.mark.parametrize("since", [0, 1, 2, 5])
def test_restart_with_fewer_messages_records_how_far_the_epoch_went(
    redis_log: RedisLog, mirror: Mirror, since: int
) -> None:
    redis_log.restart(lost=2)
    for _ in range(since):
        redis_log.append()  # by a sender that knows nothing
    assert catch_up(mirror, redis_log)[0] is Next.CHECK
    assert mirror.log.head == 1 + since
    assert mirror.log.past[0] == ("epoch 0", 1, 3)
    assert marks(mirror) == ["m1", *(f"m{n}" for n in range(4, 4 + since))]


@pytest.mark.parametrize("since", [0, 1, 2, 5])
def test_log_rolled_back_within_a_run_begins_a_new_epoch(
    redis_log: RedisLog, mirror: Mirror, since: int
) -> None:
    redis_log.roll_back(1)
    for _ in range(since):
        redis_log.append()
    assert catch_up(mirror, redis_log)[-2:] != []
    assert mirror.log.past == (Ended("epoch 0", 2, 3),)
    assert marks(mirror) == ["m1", "m2", *(f"m{n}" for n in range(4, 4 + since))]


def test_announcement_of_another_message_at_the_same_offset_begins_a_new_epoch(
    redis_log: RedisLog, mirror: Mirror
) -> None:
    redis_log.roll_back(1)
    assert not mirror.hear(*redis_log.append())
    assert not mirror.hear(*redis_log.append())
    assert Next.CHECK in catch_up(mirror, redis_log)
    assert marks(mirror) == ["m1", "m2", "m4", "m5"]


def test_mirror_that_returns_reports_what_the_process_knew(
    clock: Clock, redis_log: RedisLog, mirror: Mirror
) -> None:
    redis_log.restart(lost=2)
    redis_log.append()
    returned = Mirror(Limits(), mirror.known, clock)
    assert catch_up(returned, redis_log) == [Next.CHECK, Next.READ]
    assert returned.log.past == (Ended("epoch 0", 1, 3), Ended("epoch 1", 2, 2))


def test_message_sent_by_the_process_and_lost_is_reported(
    redis_log: RedisLog, mirror: Mirror
) -> None:
    mirror.learn(Known("epoch 0", 4, "m4", "1004.000"))
    redis_log.restart()
    assert catch_up(mirror, redis_log) == [Next.CHECK]
    assert mirror.log.past == (Ended("epoch 0", 3, 4),)
    assert catch_up(mirror, redis_log) == []


def test_known_message_stays_the_newest_while_older_ones_are_heard(
    redis_log: RedisLog, mirror: Mirror
) -> None:
    announced = redis_log.append()
    mirror.learn(Known("epoch 0", 5, "m5", "1005.000"))
    assert mirror.hear(*announced)
    assert mirror.known.offset == 5
    mirror.learn(Known("epoch 0", 2, "m2", "1002.000"))
    mirror.learn(Known("another", 9, "m9", "1009.000"))
    assert mirror.known.offset == 5


def test_rollback_of_a_message_that_left_the_window_is_noticed(
    redis_log: RedisLog, mirror: Mirror
) -> None:
    redis_log.window = 2
    for _ in range(2):
        redis_log.append()
    assert catch_up(mirror, redis_log) == [Next.READ]
    assert mirror.log.lost(3, None) == []
    redis_log.restart(lost=1)
    for _ in range(3):
        redis_log.append()
    assert Next.CHECK in catch_up(mirror, redis_log)
    assert mirror.log.past[0] == ("epoch 0", 4, 5)
    assert marks(mirror) == ["m7", "m8"]


def test_losses_that_redis_names_are_trusted(redis_log: RedisLog, mirror: Mirror) -> None:
    redis_log.window = 2
    for _ in range(4):
        redis_log.append()
    assert catch_up(mirror, redis_log) == [Next.READ, Next.READ_ALL]
    assert mirror.log.end == ("epoch 0", 7)
    assert mirror.log.lost(3, frozenset("a")) == [("a", 5)]
    assert mirror.log.lost(3, frozenset("z")) == []


def test_message_age_is_measured_by_the_clock_of_redis(clock: Clock, redis_log: RedisLog) -> None:
    mirror = Mirror(Limits(seconds=10, label_seconds=10), clock=clock)
    clock.now = 5_000_000.0  # ours is far ahead
    redis_log.append()
    catch_up(mirror, redis_log)
    assert marks(mirror) == ["m1"]
    clock.now += 11
    assert marks(mirror) == []


def test_log_with_a_missing_part_is_checked_before_it_is_read(redis_log: RedisLog) -> None:
    redis_log.append()
    redis_log.whole = False
    mirror = Mirror(Limits())
    assert catch_up(mirror, redis_log) == [Next.READ, Next.CHECK, Next.READ]
    assert marks(mirror) == ["m1"]


def test_mirror_of_a_log_that_is_gone_has_another_begun(
    redis_log: RedisLog, mirror: Mirror
) -> None:
    assert mirror.compare(Head(), redis_log.run) is Next.CHECK
    assert mirror.take(redis_log.read(0)._replace(end=Head()), redis_log.run) is Next.CHECK


def test_run_that_is_unknown_is_not_compared(redis_log: RedisLog, mirror: Mirror) -> None:
    redis_log.restart()
    assert mirror.compare(redis_log.head, "") is Next.NOTHING


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.booleans()),  # and whether it is heard
        st.tuples(st.just("restart"), st.integers(0, 3)),
        st.tuples(st.just("catch up"), st.integers(0, 1)),
        st.tuples(st.just("return"), st.integers(0, 1)),
    ),
    max_size=40,
)


class Reader:
    """A session of the hub on a mirror: its messages, its position, its gaps."""

    def __init__(self, redis_log: RedisLog, window: int) -> None:
        self.mirror = Mirror(Limits(messages=window), clock=Clock())
        self.seen: list[str] = []
        self.gaps = 0
        self._redis_log = redis_log
        self._limits = Limits(messages=window)
        self._position = Position("", 0)
        self._crossed: set[str] = set()  # epochs that ended without a known loss

    def listen(self) -> None:
        epoch, offset = self._position
        rows, upto, lost, now, past = self.mirror.log.read(offset, None, 2**30, epoch or None)
        if epoch not in ("", now):
            is_loss = translate(past, self._position)[1] > 0
            further = {ended.epoch for ended in past if ended.end != ended.offset}
            self.gaps += is_loss or bool(self._crossed & further)
            self._crossed -= further
            if not is_loss:
                names = [ended.epoch for ended in past]
                self._crossed.update(names[names.index(epoch) :])
        self.gaps += bool(lost)
        self.seen += [json.loads(row)[2] for row in rows]
        self._position = Position(now, upto)

    def hear(self, announced: tuple[str, str, str, str]) -> None:
        if self.mirror.hear(*announced):
            self.listen()

    def catch_up(self) -> None:
        catch_up(self.mirror, self._redis_log)
        self.listen()

    def return_(self) -> None:
        """Release the mirror and make another."""
        self.mirror = Mirror(self._limits, self.mirror.known, Clock())
        self.catch_up()


@given(STEPS, st.sampled_from([1, 2, 5, 100]))
def test_mirror_with_any_history_reports_every_loss_as_a_gap(
    steps: list[tuple[str, Any]], window: int
) -> None:
    redis_log = RedisLog(window)
    readers = [Reader(redis_log, window) for _ in range(2)]
    sent: list[str] = []
    for reader in readers:
        reader.catch_up()
    for step, argument in steps:
        if step == "append":
            announced = redis_log.append()
            sent.append(announced[2])
            for reader in readers if argument else readers[1:]:
                reader.hear(announced)
        elif step == "restart":
            redis_log.restart(argument)
        elif step == "return":
            readers[argument].return_()
        else:
            readers[argument].catch_up()
    for reader in readers * 2:  # the first may end the epoch of the second
        reader.catch_up()
    assert readers[0].mirror.log.end == readers[1].mirror.log.end
    heard = {mark for reader in readers for mark in reader.seen}
    for reader in readers:
        assert len(reader.seen) == len({*reader.seen}), "nothing comes twice"
        assert reader.seen == [mark for mark in sent if mark in reader.seen], "in order"
        if not reader.gaps:
            assert {mark for mark, _ in redis_log.messages} <= {*reader.seen}  # the kept ones
            if window == 100:  # no gap: also the dropped ones
                assert reader.seen == [mark for mark in sent if mark in heard]
        elif window == 100:
            kept = [mark for mark, _ in redis_log.messages]
            assert {*kept} <= {*reader.seen}, "what survives comes, also after a gap"


@pytest.mark.parametrize(
    ("past", "step"),
    [
        ((Ended("e1", 2, 2),), Next.CHECK),  # e2 was forgotten
        ((Ended("e1", 2, 4), Ended("e2", 2, 4)), Next.READ),
        ((Ended("e1", 2, 4), Ended("e2", 2, 3)), Next.CHECK),
        ((Ended("e1", 2, 2), Ended("e2", 2, 4)), Next.CHECK),  # how far e1 went was forgotten
        ((Ended("e0", 2, 2),), Next.READ),  # another log
    ],
)
def test_epoch_that_the_log_has_forgotten_is_checked(past: tuple[Ended, ...], step: Next) -> None:
    mirror = Mirror(Limits(), Known("e2", 4, "m4", "1004.000", (Ended("e1", 2, 3),)))
    assert mirror.compare(Head("e3", 2, "m2", "run", past), "run") is step


def test_message_sent_in_an_epoch_that_the_mirror_missed_is_checked() -> None:
    mirror = Mirror(Limits(), Known("e1", 2, "m2", "1002.000"))
    sent = Known("e2", 4, "m4", "1004.000", (Ended("e1", 2, 3),))
    head = Head("e3", 2, "m2", "run", (Ended("e1", 2, 2),))
    assert mirror.compare(head, "run") is Next.READ
    mirror.learn(sent)
    assert mirror.compare(head, "run") is Next.CHECK
    assert mirror.all_known == (mirror.known, sent)
