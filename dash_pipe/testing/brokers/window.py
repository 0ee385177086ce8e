"""Tests of a log's limits: its window, the newest message of each label, the losses.

A second broker reads the messages that the first has written.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...brokers import Broker
from ...log import Log
from .base import BrokerTests, Make, needs_history, publish
from .reader import BrokerReader, wait_for


def lost(broker: Broker, labels: str) -> dict[str, int]:
    """Return the newest lost offset of each label, 0 if there is none."""
    log = broker.open("jobs")
    return {label: dict(log.lost(0, frozenset(label))).get(label, 0) for label in labels}


def wait_until_gone(reader: BrokerReader, log: Log, labels: str | None = None) -> None:
    """Wait until the messages of the labels are too old."""
    wait_for(lambda: reader.rows(log, labels=labels) == [], f"messages of {labels} to expire")


class WindowTests(BrokerTests):
    """Test what a log keeps, and that it knows its losses."""

    def both(self, make: Make, history: str, /, **limits: float) -> Iterator[BrokerReader]:
        """Yield a reader that received all messages, then one that read them afterwards."""
        writer = make(**limits)
        reader = BrokerReader(writer)
        log = reader.open("jobs")
        reader.wait_for_end(log, publish(writer, history))
        yield reader
        if self.shared:
            other = BrokerReader(make(**limits))
            other.open("jobs")
            yield other

    @needs_history
    def test_window_beyond_message_count_drops_oldest(self, make: Make) -> None:
        for reader in self.both(make, "aaaaa", messages=3):
            assert reader.rows(reader.broker.open("jobs")) == [
                [3, "a", 2],
                [4, "a", 3],
                [5, "a", 4],
            ]
            assert lost(reader.broker, "a") == {"a": 2}

    @needs_history
    def test_window_beyond_bytes_drops_oldest(self, make: Make) -> None:
        for reader in self.both(make, "aaaaaa", bytes=75):
            assert [row[0] for row in reader.rows(reader.broker.open("jobs"))] == [4, 5, 6]

    @needs_history
    def test_window_beyond_age_drops_oldest(self, make: Make) -> None:
        for reader in self.both(make, "ab", seconds=0.3, label_seconds=0.3):
            log = reader.broker.open("jobs")
            wait_until_gone(reader, log)
            assert log.head == 2
            assert lost(reader.broker, "ab") == {"a": 1, "b": 2}

    @needs_history
    def test_window_with_expired_messages_is_trimmed_on_publish(self, make: Make) -> None:
        writer = make(seconds=0.2, label_seconds=60)
        publish(writer, "aab")
        reader = BrokerReader(self.elsewhere(make, writer, seconds=0.2, label_seconds=60))
        log = reader.open("jobs")
        wait_for(lambda: reader.rows(log) == [[2, "a", 1], [3, "b", 2]], "the window to be empty")
        reader.wait_for_end(log, writer.publish("jobs", "a", "9"))
        assert reader.rows(log) == [[3, "b", 2], [4, "a", 9]]
        other = BrokerReader(self.elsewhere(make, writer, seconds=0.2, label_seconds=60))
        other.open("jobs")
        assert lost(reader.broker, "ab") == lost(other.broker, "ab") == {"a": 2, "b": 0}

    @needs_history
    def test_newest_message_of_label_outlives_window(self, make: Make) -> None:
        for reader in self.both(make, "qqabbbbb", messages=3):
            log = reader.broker.open("jobs")
            assert [row[0] for row in reader.rows(log)] == [2, 3, 6, 7, 8]
            assert lost(reader.broker, "qab") == {"q": 1, "a": 0, "b": 5}
            assert [m.offset for m in log.newest(frozenset("qa"), 1)] == [2, 3]

    @needs_history
    def test_kept_newest_message_is_lost_when_newer_one_arrives(self, make: Make) -> None:
        for reader in self.both(make, "qaaaq", messages=2):
            assert lost(reader.broker, "q") == {"q": 1}
            assert reader.rows(reader.broker.open("jobs"), labels="q") == [[5, "q", 4]]

    @needs_history
    def test_newest_messages_beyond_label_count_are_dropped(self, make: Make) -> None:
        for reader in self.both(make, "abcxxx", messages=2, labels=2):
            assert [row[0] for row in reader.rows(reader.broker.open("jobs"))] == [3, 5, 6]
            assert lost(reader.broker, "abz")["z"] <= 2
            assert {**lost(reader.broker, "ab")} == {"a": 1, "b": 2}

    @needs_history
    def test_losses_of_more_labels_than_are_kept_are_known(self, make: Make) -> None:
        for reader in self.both(make, "abcdefghij" * 5, messages=1, labels=4):
            log = reader.broker.open("jobs")
            assert dict(log.lost(0, None)) == {"abcdefghij"[n]: 41 + n for n in range(6)} | {
                "abcdefghij"[n]: 31 + n for n in range(6, 10)
            }
            assert len(reader.rows(log)) == 4
            assert log.lost(0, frozenset("z")) == []  # it lost nothing

    @needs_history
    def test_label_after_its_time_is_forgotten(self, make: Make) -> None:
        for reader in self.both(make, "qab", messages=1, label_seconds=0.3):
            log = reader.broker.open("jobs")
            wait_until_gone(reader, log, "qa")
            reader.wait_for_end(log, reader.broker.publish("jobs", "b", "9"))
            assert lost(reader.broker, "qa") == {"q": 1, "a": 2}

    @needs_history
    def test_losses_in_two_processes_are_equal(self, make: Make) -> None:
        readers = list(self.both(make, "abcabdabeffffa", messages=3, labels=3))
        judged = [lost(reader.broker, "abcdefz") for reader in readers]
        assert judged[0] == judged[-1]
