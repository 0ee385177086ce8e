import json

from dash_pipe.log import Batch, Message, Position, Snapshot
from unit.fakes import EVERYTHING, Clock, log_of, offsets, read


def test_append_gives_offsets_from_one_without_gaps(clock: Clock) -> None:
    log = log_of(clock)
    assert log.head == 0
    assert [log.append("a", "0") for _ in range(5)] == [1, 2, 3, 4, 5]
    assert log.head == 5


def test_row_is_json_of_offset_label_value_and_time(clock: Clock) -> None:
    log = log_of(clock)
    clock.now = 1760000000.25
    log.append('quoted "label" é', '{"x":[1,null]}')
    (row,) = log.read(0, None, EVERYTHING).rows
    assert json.loads(row) == [1, 'quoted "label" é', {"x": [1, None]}, 1760000000.25]


def test_read_returns_messages_after_the_position_in_order(clock: Clock) -> None:
    log = log_of(clock, "abcde")
    assert read(log) == [1, 2, 3, 4, 5]
    assert read(log, after=3) == [4, 5]
    assert log.read(5, None, EVERYTHING) == Batch([], 5, [], "epoch")


def test_read_of_labels_moves_upto_past_the_others(clock: Clock) -> None:
    log = log_of(clock, "abacb")
    batch = log.read(0, frozenset("a"), EVERYTHING)
    assert offsets(batch) == [1, 3]
    assert batch.upto == 5
    assert log.read(0, frozenset("z"), EVERYTHING) == Batch([], 5, [], "epoch")
    assert log.read(0, frozenset(), EVERYTHING) == Batch([], 5, [], "epoch")


def test_read_stops_at_max_bytes(clock: Clock) -> None:
    log = log_of(clock)
    for _ in range(10):
        log.append("a", json.dumps("x" * 1000))
    size = len(log.read(0, None, 1).rows[0])
    batch = log.read(0, None, 3 * size)
    assert offsets(batch) == [1, 2, 3]
    assert batch.upto == 3
    assert offsets(log.read(0, None, 3 * size - 1)) == [1, 2]
    assert offsets(log.read(3, None, EVERYTHING)) == [4, 5, 6, 7, 8, 9, 10]


def test_read_limit_counts_bytes_not_characters(clock: Clock) -> None:
    log = log_of(clock)
    for _ in range(2):
        log.append("a", '"' + "\N{ROCKET}" * 100 + '"')
    assert offsets(log.read(0, None, 600)) == [1]


def test_read_returns_one_row_however_large(clock: Clock) -> None:
    log = log_of(clock, "a")
    log.append("a", json.dumps("x" * 100_000))
    log.append("a", "0")
    assert offsets(log.read(1, None, 64 * 1024)) == [2]
    assert offsets(log.read(0, None, 1)) == [1]


def test_window_is_limited_by_count(clock: Clock) -> None:
    log = log_of(clock, "aaaaa", messages=3)
    assert read(log) == [3, 4, 5]
    assert log.read(0, None, EVERYTHING).lost == [("a", 2)]


def test_window_is_limited_by_bytes(clock: Clock) -> None:
    log = log_of(clock, bytes=1000)
    for _ in range(10):
        log.append("a", json.dumps("x" * 300))
    assert read(log) == [8, 9, 10]


def test_message_larger_than_the_window_is_still_read(clock: Clock) -> None:
    log = log_of(clock, "ab", bytes=1000)
    log.append("a", json.dumps("x" * 2000))
    assert read(log) == [2, 3]
    assert log.lost(0, None) == [("a", 1)]


def test_window_is_limited_by_age(clock: Clock) -> None:
    log = log_of(clock, "aa", seconds=10)
    clock.now += 10
    log.append("a", "0")
    assert read(log) == [1, 2, 3]
    clock.now += 0.5
    assert read(log) == [3]
    assert log.head == 3


def test_newest_of_a_label_is_kept_after_it_left_the_window(clock: Clock) -> None:
    log = log_of(clock, "qqabbbbb", messages=3)
    batch = log.read(0, None, EVERYTHING)
    assert offsets(batch) == [2, 3, 6, 7, 8]
    assert sorted(batch.lost, key=str) == [("b", 5), ("q", 1)]
    assert read(log, labels="q") == [2]
    assert read(log, after=2) == [3, 6, 7, 8]


def test_kept_newest_is_lost_when_a_newer_one_is_appended(clock: Clock) -> None:
    log = log_of(clock, "qaaa", messages=2)
    assert log.lost(0, frozenset("q")) == []
    log.append("q", "0")
    assert log.lost(0, frozenset("q")) == [("q", 1)]
    assert read(log, labels="q") == [5]


def test_kept_newest_is_lost_after_label_seconds(clock: Clock) -> None:
    log = log_of(clock, "q", seconds=10, label_seconds=100)
    clock.now += 100
    assert read(log) == [1]
    clock.now += 0.5
    assert log.read(0, None, EVERYTHING) == Batch([], 1, [("q", 1)], "epoch")
    assert log.append("q", "0") == 2


def test_kept_newest_is_limited_to_a_number_of_labels(clock: Clock) -> None:
    log = log_of(clock, "abcxxx", messages=2, labels=2)
    assert read(log) == [3, 5, 6]  # of c and x; those of a and b were published longest ago
    assert log.lost(0, frozenset("ab")) == [("a", 1), ("b", 2)]


def test_label_over_the_limit_is_still_read_from_the_window(clock: Clock) -> None:
    log = log_of(clock, "abc", labels=1)
    assert read(log) == [1, 2, 3]
    assert log.lost(0, None) == []


def test_newest_returns_the_last_messages_of_each_label(clock: Clock) -> None:
    log = log_of(clock, "aababc")
    found = {last: [m.offset for m in log.newest(None, last)] for last in (1, 2, 9)}
    assert found == {1: [4, 5, 6], 2: [2, 3, 4, 5, 6], 9: [1, 2, 3, 4, 5, 6]}
    assert [m.offset for m in log.newest(frozenset("ac"), 2)] == [2, 4, 6]
    assert log.newest(frozenset("z"), 5) == []


def test_newest_includes_messages_kept_outside_the_window(clock: Clock) -> None:
    log = log_of(clock, "qabbb", messages=2)
    assert [m.offset for m in log.newest(None, 5)] == [1, 2, 4, 5]
    clock.now += 100_000
    assert log.newest(None, 5) == []


def test_label_limit_drops_the_least_recently_published(clock: Clock) -> None:
    log = log_of(clock, "abac", messages=1, labels=2)
    assert read(log) == [3, 4]


def test_load_replaces_window_newest_and_losses(clock: Clock) -> None:
    log = log_of(clock, "xyz", messages=2)
    window = [Message.of(f'[{offset},"a",0,1000.000]') for offset in (5, 6)]
    log.load(Snapshot("e", 6, window, [Message.of('[2,"b",0,1000.000]')], {"a": 4}, 1))
    assert (log.end, read(log)) == (Position("e", 6), [2, 5, 6])
    assert log.lost(0, frozenset("a")) == [("a", 4)]
    assert log.lost(0, frozenset("z")) == [(None, 1)]


def test_size_counts_the_newest_of_labels_that_have_left_the_window(clock: Clock) -> None:
    log = log_of(clock, "abcc", messages=2)
    sizes = [message.size for message in log.newest(None, 9)]
    assert log.size == (4, sum(sizes))
    assert log_of(clock).size == (0, 0)
    assert (log.newest_at, log_of(clock).newest_at) == (clock.now, None)
