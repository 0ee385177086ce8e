"""A mirror of a log in Redis, with a list instead of Redis."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_pipe.brokers.redis.commands import Entry, Head, Reading, reading
from dash_pipe.brokers.redis.mirror import Mirror, Next
from dash_pipe.log import Limits
from unit.fakes import Clock


class RedisLog:
    """A log as in Redis: append to it, roll it back, restart it."""

    def __init__(self, window: int = 100) -> None:
        self.epoch = "epoch 0"
        self.messages: list[tuple[str, float]] = []  # mark and time
        self.window = window
        self.now = 1000.0
        self._marks = 0

    @property
    def head(self) -> Head:
        mark = self.messages[-1][0] if self.messages else ""
        return Head(self.epoch, len(self.messages), mark)

    def append(self) -> tuple[str, str, str, str]:
        """Append a message; return the announcement."""
        before = self.head.mark
        self._marks += 1
        self.now += 1
        self.messages.append((f"m{self._marks}", self.now))
        entry = self.entry(len(self.messages))
        return self.epoch, before, entry.mark, entry.row

    def entry(self, offset: int) -> Entry:
        mark, time = self.messages[offset - 1]
        before = self.messages[offset - 2][0] if offset > 1 else ""
        return Entry(offset, mark, f'[{offset},"a","{mark}",{time:.3f}]', before)

    def roll_back(self, count: int) -> None:
        del self.messages[max(0, len(self.messages) - count) :]

    def begin(self, former: str, after: float) -> None:
        if former == self.epoch:
            self.epoch = f"epoch {int(former.split()[1]) + 1}"
            self.messages = [message for message in self.messages if message[1] > after]

    def read(self, after: int) -> Reading:
        first = max(1, len(self.messages) + 1 - self.window)
        entries = [self.entry(n) for n in range(max(first, after), len(self.messages) + 1)]
        lost = {"a": first - 1} if first > 1 else {}
        return Reading(after, self.head, entries, [], lost, 0, self.now)


def catch_up(mirror: Mirror, redis_log: RedisLog) -> list[Next]:
    """Read until the mirror is in step, like the sync; return the steps."""
    steps, after = [], mirror.log.head
    while not steps or steps[-1] is not Next.NOTHING:
        found = redis_log.read(after)
        steps.append(mirror.take(found))
        if steps[-1] is Next.BEGIN:
            redis_log.begin(found.end.epoch, mirror.newest_time)
        after = 0
        assert len(steps) < 5
    return steps


def marks(mirror: Mirror) -> list[str]:
    return [json.loads(row)[2] for row in mirror.log.read(0, None, 2**30).rows]


@pytest.fixture
def redis_log() -> RedisLog:
    return RedisLog()


@pytest.fixture
def mirror(clock: Clock, redis_log: RedisLog) -> Mirror:
    """Return a mirror that has read three messages."""
    mirror = Mirror(Limits(), clock)
    for _ in range(3):
        redis_log.append()
    assert catch_up(mirror, redis_log) == [Next.READ_ALL, Next.NOTHING][-1:]
    return mirror


def test_announcements_in_order_need_no_reading(redis_log: RedisLog, mirror: Mirror) -> None:
    announced = redis_log.append()
    assert mirror.hear(*announced)
    assert mirror.hear(*announced)  # again does nothing
    assert marks(mirror) == ["m1", "m2", "m3", "m4"]
    assert mirror.in_step(redis_log.head)


def test_missed_announcement_is_caught_up_by_reading(redis_log: RedisLog, mirror: Mirror) -> None:
    redis_log.append()
    assert not mirror.hear(*redis_log.append())
    assert not mirror.in_step(redis_log.head)
    assert catch_up(mirror, redis_log) == [Next.NOTHING]
    assert marks(mirror) == ["m1", "m2", "m3", "m4", "m5"]


def test_announcement_after_an_unknown_message_begins_a_new_epoch(
    redis_log: RedisLog, mirror: Mirror
) -> None:
    redis_log.roll_back(1)
    assert mirror.hear(*redis_log.append())  # as if it were an old one
    assert not mirror.hear(*redis_log.append())
    assert catch_up(mirror, redis_log) == [Next.BEGIN, Next.NOTHING]
    assert marks(mirror) == ["m4", "m5"]


def test_shorter_log_begins_a_new_epoch(redis_log: RedisLog, mirror: Mirror) -> None:
    redis_log.roll_back(1)
    assert not mirror.in_step(redis_log.head)
    assert catch_up(mirror, redis_log) == [Next.BEGIN, Next.NOTHING]
    assert mirror.log.end == ("epoch 1", 0)


@pytest.mark.parametrize("since", [1, 2, 5])
def test_overwritten_log_begins_a_new_epoch(
    redis_log: RedisLog, mirror: Mirror, since: int
) -> None:
    redis_log.roll_back(1)
    for _ in range(since):
        redis_log.append()
    assert not mirror.in_step(redis_log.head)
    assert catch_up(mirror, redis_log) == [Next.BEGIN, Next.NOTHING]
    assert marks(mirror) == [f"m{n}" for n in range(4, 4 + since)]


def test_rollback_of_a_message_that_left_the_window_is_noticed(
    redis_log: RedisLog, mirror: Mirror
) -> None:
    redis_log.window = 2
    for _ in range(2):
        redis_log.append()
    assert catch_up(mirror, redis_log) == [Next.NOTHING]
    assert mirror.log.lost(3, None) == []
    redis_log.roll_back(1)
    for _ in range(3):
        redis_log.append()
    assert catch_up(mirror, redis_log) == [Next.BEGIN, Next.NOTHING]
    assert marks(mirror) == ["m7", "m8"]


def test_epoch_begun_by_another_process_is_read_completely(
    redis_log: RedisLog, mirror: Mirror
) -> None:
    redis_log.begin("epoch 0", 0)
    assert not mirror.hear(*redis_log.append())
    assert catch_up(mirror, redis_log) == [Next.READ_ALL, Next.NOTHING]
    assert mirror.log.end == ("epoch 1", 4)


def test_all_before_a_window_that_moved_past_the_mirror_is_lost(
    redis_log: RedisLog, mirror: Mirror
) -> None:
    redis_log.window = 2
    for _ in range(4):
        redis_log.append()
    assert catch_up(mirror, redis_log) == [Next.READ_ALL, Next.NOTHING]
    assert mirror.log.end == ("epoch 0", 7)
    assert mirror.log.lost(3, frozenset("z")) == [("z", 5)]
    assert mirror.log.lost(5, None) == []


def test_message_age_is_measured_by_the_clock_of_redis(clock: Clock, redis_log: RedisLog) -> None:
    mirror = Mirror(Limits(seconds=10, label_seconds=10), clock)
    clock.now = 5_000_000.0  # ours is far ahead
    redis_log.append()
    catch_up(mirror, redis_log)
    assert marks(mirror) == ["m1"]
    clock.now += 11
    assert marks(mirror) == []


def test_reading_with_a_missing_part_has_no_epoch() -> None:
    meta = [b"e", b"1", b"mark", b"0", b"1 0 1 0"]
    entry = (b"1-0", [b"l", b'"a"', b"i", b"mark", b"r", b'[1,"a",1,1.000]', b"p", b""])
    whole = reading(0, [(b"1", b"5"), meta, 1, 0, 1, 0, [entry], [], []])
    assert (whole.end, whole.time) == (Head("e", 1, "mark"), 1.000005)
    assert reading(0, [(b"1", b"5"), meta, 0, 0, 1, 0, [], [], []]).end.epoch == ""
    none = [None] * 5
    assert reading(0, [(b"1", b"5"), none, 0, 0, 0, 0, [], [], []]).end.epoch == ""


def test_mirror_of_a_log_that_is_gone_begins_another(redis_log: RedisLog, mirror: Mirror) -> None:
    gone = redis_log.read(0)._replace(end=Head("", 0, ""))
    assert mirror.take(gone) is Next.BEGIN


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.booleans()),  # and whether it is heard
        st.tuples(st.just("roll back"), st.integers(1, 3)),
        st.tuples(st.just("catch up"), st.integers(0, 1)),
    ),
    max_size=40,
)


class Reader:
    """A session of the hub on a mirror: its messages, its position, its gaps."""

    def __init__(self, redis_log: RedisLog, window: int) -> None:
        self.mirror = Mirror(Limits(messages=window), Clock())
        self.seen: list[str] = []
        self.gaps = 0
        self._redis_log = redis_log
        self._position = ("", 0)

    def listen(self) -> None:
        epoch, offset = self._position
        rows, upto, lost, now = self.mirror.log.read(offset, None, 2**30, epoch or None)
        self.gaps += bool(lost) or (epoch not in ("", now))
        self.seen += [json.loads(row)[2] for row in rows]
        self._position = (now, upto)

    def hear(self, announced: tuple[str, str, str, str]) -> None:
        if self.mirror.hear(*announced):
            self.listen()

    def catch_up(self) -> None:
        catch_up(self.mirror, self._redis_log)
        self.listen()


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
        elif step == "roll back":
            redis_log.roll_back(argument)
        else:
            readers[argument].catch_up()
    for reader in readers * 2:  # the first may end the epoch of the second
        reader.catch_up()
    assert readers[0].mirror.log.end == readers[1].mirror.log.end
    heard = {mark for reader in readers for mark in reader.seen}
    for reader in readers:
        if not reader.gaps:
            assert {mark for mark, _ in redis_log.messages} <= {*reader.seen}  # the kept ones
            if window == 100:  # no gap: also the dropped ones
                assert reader.seen == [mark for mark in sent if mark in heard]
