"""A mirror against what it is told of a log elsewhere. No Redis here: a log that is a list."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_pipe.brokers.redis.commands import Entry, Head, Reading, reading
from dash_pipe.brokers.redis.mirror import Mirror, Next
from dash_pipe.log import Limits
from unit.fakes import Clock


class Origin:
    """A log as Redis has it, with all that can happen to it."""

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
        """Append; return the announcement."""
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


def catch_up(mirror: Mirror, origin: Origin) -> list[Next]:
    """What the conversation does with the two."""
    steps, after = [], mirror.log.head
    while not steps or steps[-1] is not Next.NOTHING:
        found = origin.read(after)
        steps.append(mirror.take(found))
        if steps[-1] is Next.BEGIN:
            origin.begin(found.end.epoch, mirror.newest_time)
        after = 0
        assert len(steps) < 5
    return steps


def marks(mirror: Mirror) -> list[str]:
    return [json.loads(row)[2] for row in mirror.log.read(0, None, 2**30).rows]


@pytest.fixture
def origin() -> Origin:
    return Origin()


@pytest.fixture
def mirror(clock: Clock, origin: Origin) -> Mirror:
    """One that has read three messages."""
    mirror = Mirror(Limits(), clock)
    for _ in range(3):
        origin.append()
    assert catch_up(mirror, origin) == [Next.READ_ALL, Next.NOTHING][-1:]
    return mirror


def test_announcements_in_step_need_no_reading(origin: Origin, mirror: Mirror) -> None:
    announced = origin.append()
    assert mirror.hear(*announced)
    assert mirror.hear(*announced)  # again does nothing
    assert marks(mirror) == ["m1", "m2", "m3", "m4"]
    assert mirror.in_step(origin.head)


def test_a_missed_announcement_is_read(origin: Origin, mirror: Mirror) -> None:
    origin.append()
    assert not mirror.hear(*origin.append())
    assert not mirror.in_step(origin.head)
    assert catch_up(mirror, origin) == [Next.NOTHING]
    assert marks(mirror) == ["m1", "m2", "m3", "m4", "m5"]


def test_an_announcement_that_follows_on_another_message_is_not_believed(
    origin: Origin, mirror: Mirror
) -> None:
    origin.roll_back(1)
    assert mirror.hear(*origin.append())  # as if it were an old one
    assert not mirror.hear(*origin.append())
    assert catch_up(mirror, origin) == [Next.BEGIN, Next.NOTHING]
    assert marks(mirror) == ["m4", "m5"]


def test_a_shorter_log_was_rolled_back(origin: Origin, mirror: Mirror) -> None:
    origin.roll_back(1)
    assert not mirror.in_step(origin.head)
    assert catch_up(mirror, origin) == [Next.BEGIN, Next.NOTHING]
    assert mirror.log.end == ("epoch 1", 0)


@pytest.mark.parametrize("since", [1, 2, 5])
def test_a_log_that_was_written_over_was_rolled_back(
    origin: Origin, mirror: Mirror, since: int
) -> None:
    origin.roll_back(1)
    for _ in range(since):
        origin.append()
    assert not mirror.in_step(origin.head)
    assert catch_up(mirror, origin) == [Next.BEGIN, Next.NOTHING]
    assert marks(mirror) == [f"m{n}" for n in range(4, 4 + since)]


def test_the_first_of_the_window_tells_of_what_has_just_left_it(
    origin: Origin, mirror: Mirror
) -> None:
    origin.window = 2
    for _ in range(2):
        origin.append()
    assert catch_up(mirror, origin) == [Next.NOTHING]
    assert mirror.log.lost(3, None) == []
    origin.roll_back(1)
    for _ in range(3):
        origin.append()
    assert catch_up(mirror, origin) == [Next.BEGIN, Next.NOTHING]
    assert marks(mirror) == ["m7", "m8"]


def test_a_faster_process_began_anew(origin: Origin, mirror: Mirror) -> None:
    origin.begin("epoch 0", 0)
    assert not mirror.hear(*origin.append())
    assert catch_up(mirror, origin) == [Next.READ_ALL, Next.NOTHING]
    assert mirror.log.end == ("epoch 1", 4)


def test_when_the_window_has_passed_all_before_it_counts_as_lost(
    origin: Origin, mirror: Mirror
) -> None:
    origin.window = 2
    for _ in range(4):
        origin.append()
    assert catch_up(mirror, origin) == [Next.READ_ALL, Next.NOTHING]
    assert mirror.log.end == ("epoch 0", 7)
    assert mirror.log.lost(3, frozenset("z")) == [("z", 5)]
    assert mirror.log.lost(5, None) == []


def test_age_is_by_the_clock_of_redis(clock: Clock, origin: Origin) -> None:
    mirror = Mirror(Limits(seconds=10, label_seconds=10), clock)
    clock.now = 5_000_000.0  # ours is far ahead
    origin.append()
    catch_up(mirror, origin)
    assert marks(mirror) == ["m1"]
    clock.now += 11
    assert marks(mirror) == []


def test_a_part_that_is_missing_makes_a_log_that_is_none() -> None:
    meta = [b"e", b"1", b"mark", b"0", b"1 0 1 0"]
    entry = (b"1-0", [b"l", b'"a"', b"i", b"mark", b"r", b'[1,"a",1,1.000]', b"p", b""])
    whole = reading(0, [(b"1", b"5"), meta, 1, 0, 1, 0, [entry], [], []])
    assert (whole.end, whole.time) == (Head("e", 1, "mark"), 1.000005)
    assert reading(0, [(b"1", b"5"), meta, 0, 0, 1, 0, [], [], []]).end.epoch == ""
    none = [None] * 5
    assert reading(0, [(b"1", b"5"), none, 0, 0, 0, 0, [], [], []]).end.epoch == ""


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.booleans()),  # and whether it is heard
        st.tuples(st.just("roll back"), st.integers(1, 3)),
        st.tuples(st.just("catch up"), st.integers(0, 1)),
    ),
    max_size=40,
)


class Reader:
    """A listener to a mirror: what it was given, its position, its gaps; as the hub has it."""

    def __init__(self, origin: Origin, window: int) -> None:
        self.mirror = Mirror(Limits(messages=window), Clock())
        self.seen: list[str] = []
        self.gaps = 0
        self._origin = origin
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
        catch_up(self.mirror, self._origin)
        self.listen()


@given(STEPS, st.sampled_from([1, 2, 5, 100]))
def test_nothing_is_missed_without_a_word(steps: list[tuple[str, Any]], window: int) -> None:
    origin = Origin(window)
    readers = [Reader(origin, window) for _ in range(2)]
    sent: list[str] = []
    for reader in readers:
        reader.catch_up()
    for step, argument in steps:
        if step == "append":
            announced = origin.append()
            sent.append(announced[2])
            for reader in readers if argument else readers[1:]:
                reader.hear(announced)
        elif step == "roll back":
            origin.roll_back(argument)
        else:
            readers[argument].catch_up()
    for reader in readers * 2:  # the first may end an epoch that the second is in
        reader.catch_up()
    assert readers[0].mirror.log.end == readers[1].mirror.log.end
    heard = {mark for reader in readers for mark in reader.seen}
    for reader in readers:
        if not reader.gaps:
            assert {mark for mark, _ in origin.messages} <= {*reader.seen}  # all that is there
            if window == 100:  # so nothing was overlooked: also all that is there no more
                assert reader.seen == [mark for mark in sent if mark in heard]
