"""A log compared with a naive one that keeps everything."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dash_pipe.log import Labels, Limits, Log, Lost, Position, window
from dash_pipe.log import limits as limits_module
from unit.fakes import Clock


class Sent(NamedTuple):
    offset: int
    label: str
    time: float
    size: int


class Oracle:
    """All published messages, from which the readable ones follow by the time.

    Only if time goes forward: a log does not restore dropped messages.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.sent: list[Sent] = []

    def readable(self, now: float) -> set[int]:
        limits, window, size = self.limits, set(), 0
        for sent in reversed(self.sent[-limits.messages :]):
            size += sent.size
            if size > limits.bytes or sent.time < now - limits.seconds:
                break
            window.add(sent.offset)
        newest = sorted({sent.label: sent for sent in self.sent}.values())[-limits.labels :]
        return window | {s.offset for s in newest if s.time >= now - limits.label_seconds}

    def wanted(self, after: int, labels: Labels) -> list[Sent]:
        return [s for s in self.sent[after:] if labels is None or s.label in labels]

    def newest(self, now: float, labels: Labels, last: int, upto: int) -> list[int]:
        found: list[int] = []
        for label in {sent.label for sent in self.wanted(0, labels)}:
            readable = self.readable(now)
            found += [
                sent.offset
                for sent in self.sent[:upto]
                if sent.label == label and sent.offset in readable
            ][-last:]
        return sorted(found)


def covered(sent: Sent, lost: Iterable[Lost]) -> bool:
    """Return whether the reported losses include this message."""
    known = dict(lost)
    return sent.offset <= known.get(sent.label, known.get(None, 0))


NAMES = "abcd"
LABELS = st.none() | st.frozensets(st.sampled_from(NAMES + "z"), max_size=3)
APPEND = st.tuples(st.just("append"), st.sampled_from(NAMES), st.integers(0, 60))
READ = st.tuples(st.just("read"), LABELS, st.integers(1, 400), st.integers(0, 100))
PAST = st.tuples(st.just("newest"), LABELS, st.integers(1, 4), st.integers(0, 100))
FORWARD = st.tuples(st.just("wait"), st.sampled_from([0.5, 1.0, 4.0, 30.0]))
JUMP = st.tuples(st.just("wait"), st.sampled_from([-30.0, -2.0, 0.5, 4.0, 30.0]))
# Room for every label, and for fewer: then the known losses are a bound.
LIMITS = st.builds(
    Limits,
    messages=st.integers(1, 6),
    bytes=st.integers(40, 400),
    seconds=st.just(5.0),
    labels=st.sampled_from([1, 2, 4]),
    label_seconds=st.sampled_from([2.0, 20.0]),
)


def replay_history(scan_limit: int, limits: Limits, history: list[Any], *, forward: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:  # all examples would share a fixture
        patch.setattr(window, "SCAN_LIMIT", scan_limit)
        patch.setattr(limits_module, "LOSSES_PER_LABEL", 1)
        compare(limits, history, forward=forward)


def compare(limits: Limits, history: list[Any], *, forward: bool) -> None:
    clock = Clock()
    log = Log("epoch", limits, clock)
    assert log.newest(None, 1, Position("another", 0)) == []
    oracle = Oracle(limits)
    for name, *given_ in history:
        if name == "wait":
            clock.now += given_[0]
        elif name == "append":
            label, length = given_
            value = json.dumps("x" * length)
            offset = log.append(label, value)
            assert offset == len(oracle.sent) + 1
            row = json.dumps([offset, label, "x" * length], separators=(",", ":"))
            size = len(row) + len(f",{clock.now:.3f}")
            oracle.sent.append(Sent(offset, label, clock.now, size))
        elif name == "newest":
            labels, last, position = given_
            upto = position % (log.head + 1)
            got = [m.offset for m in log.newest(labels, last, Position("epoch", upto))]
            assert not forward or got == oracle.newest(clock.now, labels, last, upto)
        else:
            labels, max_bytes, position = given_
            after = position % (log.head + 1)
            check_read(log, oracle, after, labels, max_bytes)
            if forward:
                check_exact(log, oracle, after, labels, clock.now)


def check_read(log: Log, oracle: Oracle, after: int, labels: Labels, max_bytes: int) -> None:
    """Read up to the head like a session; check that every missing message is reported."""
    while after < log.head:
        rows, upto, lost, *_ = log.read(after, labels, max_bytes)
        got = [json.loads(row)[0] for row in rows]
        wanted = oracle.wanted(after, labels)
        assert after < upto <= log.head
        assert got == sorted(set(got))
        assert set(got) <= {sent.offset for sent in wanted if sent.offset <= upto}
        assert len(rows) <= 1 or sum(map(len, rows)) <= max_bytes
        for sent in wanted:
            assert sent.offset > upto or sent.offset in got or covered(sent, lost)
        assert all(offset > after for _, offset in lost)
        assert labels is None or {label for label, _ in lost} <= labels | {None}
        after = upto


def check_exact(log: Log, oracle: Oracle, after: int, labels: Labels, now: float) -> None:
    readable = oracle.readable(now)
    wanted = oracle.wanted(after, labels)
    got = [json.loads(row)[0] for row in log.read(after, labels, 2**30).rows]
    assert got == [sent.offset for sent in wanted if sent.offset in readable]
    gone = {sent.label: sent.offset for sent in wanted if sent.offset not in readable}
    lost = log.lost(after, labels)
    named = {label: offset for label, offset in lost if label is not None}
    if oracle.limits.losses >= len(NAMES):
        assert dict(lost) == gone  # all is known, so nothing else is reported as lost
    else:
        assert named.items() <= gone.items()  # what is named was lost


each_way = pytest.mark.parametrize(
    "scan_limit",
    [pytest.param(window.SCAN_LIMIT, id="scan"), pytest.param(0, id="index")],
)


@each_way
@settings(max_examples=300)
@given(LIMITS, st.lists(APPEND | APPEND | READ | PAST | FORWARD, max_size=60))
def test_log_with_any_history_equals_the_naive_log(
    scan_limit: int, limits: Limits, history: list[Any]
) -> None:
    replay_history(scan_limit, limits, history, forward=True)


@each_way
@settings(max_examples=300)
@given(LIMITS, st.lists(APPEND | APPEND | READ | PAST | JUMP, max_size=60))
def test_log_reports_every_loss_when_the_clock_jumps(
    scan_limit: int, limits: Limits, history: list[Any]
) -> None:
    replay_history(scan_limit, limits, history, forward=False)
