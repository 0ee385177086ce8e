"""Tests of order, offsets, epochs, watchers and message ids."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest

from ...brokers import Broker
from ...log import Position
from .base import (
    BrokerTests,
    Make,
    needs_any_name,
    needs_history,
    needs_message_ids,
    needs_positions,
)
from .reader import EVERYTHING, BrokerReader


class MessageTests(BrokerTests):
    """Test which messages a listener receives, and where they stand."""

    def test_other_process_receives_all_messages_in_order(self, make: Make) -> None:
        sender = make()
        reader = BrokerReader(self.elsewhere(make, sender))
        log = reader.open("jobs")
        for value in range(50):
            sender.publish("jobs", "ab"[value % 2], json.dumps({"n": value, "é": [None, 1.5]}))
        reader.wait_until(lambda: log.head == 50)
        assert [row[2]["n"] for row in reader.rows(log)] == list(range(50))
        assert [row[:2] for row in reader.rows(log, labels="b")] == [
            [n, "b"] for n in range(2, 51, 2)
        ]

    def test_channel_receives_no_messages_of_other_channels(
        self, broker: Broker, reader: BrokerReader
    ) -> None:
        jobs, prices = reader.open("jobs"), reader.open("prices")
        broker.publish("prices", "a", "1")
        broker.publish("jobs", "a", "2")
        reader.wait_until(lambda: jobs.head == prices.head == 1)
        assert reader.rows(jobs) == [[1, "a", 2]]
        assert reader.rows(prices) == [[1, "a", 1]]

    def test_ping_of_a_reachable_broker_returns(self, broker: Broker) -> None:
        broker.ping(5)

    @needs_positions
    def test_publish_returns_position(self, broker: Broker, reader: BrokerReader) -> None:
        log = reader.open("jobs")
        positions = [broker.publish("jobs", "a", "1") for _ in range(3)]
        assert [position.offset for position in positions] == [1, 2, 3]
        assert {position.epoch for position in positions} == {log.epoch}
        reader.wait_for_end(log, positions[-1])

    @needs_history
    def test_messages_published_without_listener_are_kept(
        self, broker: Broker, reader: BrokerReader
    ) -> None:
        broker.publish("jobs", "a", "1")
        broker.publish("jobs", "b", '{"x":2}')
        broker.publish("prices", "a", "3")
        assert reader.rows(reader.open("jobs")) == [[1, "a", 1], [2, "b", {"x": 2}]]
        assert reader.rows(reader.open("prices")) == [[1, "a", 3]]

    @needs_positions
    def test_special_characters_are_read_as_published(self, make: Make) -> None:
        broker = make()
        reader = BrokerReader(broker)
        log = reader.open("jobs")
        value = json.dumps({"text": "é \N{ROCKET} \u2028 \\ \" ' ] , 1.5]", "none": None})
        reader.wait_for_end(log, broker.publish("jobs", 'quoted "label" é, [', value))
        (heard,) = log.read(0, None, EVERYTHING).rows
        assert json.loads(heard)[:3] == [1, 'quoted "label" é, [', json.loads(value)]
        if self.shared:
            other = make()
            assert BrokerReader(other).open("jobs").read(0, None, EVERYTHING).rows == [heard]

    @needs_any_name
    @pytest.mark.parametrize(
        "name", ["}{", "a}b", "{x}", "\udfff", "*?[a]", "a b\n", "\N{ROCKET}" * 200]
    )
    def test_channel_and_label_of_any_characters_are_accepted(
        self, broker: Broker, reader: BrokerReader, name: str
    ) -> None:
        reader.wait_for_end(reader.open(name), broker.publish(name, name, "1"))
        assert reader.rows(broker.open(name)) == [[1, name, 1]]

    @needs_positions
    def test_epochs_of_two_channels_differ(self, broker: Broker) -> None:
        assert broker.publish("jobs", "a", "1").epoch != broker.publish("prices", "a", "1").epoch

    @needs_positions
    def test_epoch_after_close_and_open_is_unchanged(
        self, broker: Broker, reader: BrokerReader
    ) -> None:
        first = broker.publish("jobs", "a", "1")
        for _ in range(3):
            assert reader.open("jobs").epoch == first.epoch
            broker.close("jobs")
        assert broker.publish("jobs", "a", "1") == (first.epoch, 2)

    def test_channel_opened_twice_returns_same_log(
        self, broker: Broker, reader: BrokerReader
    ) -> None:
        log = reader.open("jobs")
        assert broker.open("jobs") is log
        broker.close("jobs")
        broker.publish("jobs", "a", "1")
        reader.wait_until(lambda: log.head == 1)

    def test_watcher_is_called_after_message_is_readable(self, broker: Broker) -> None:
        log = broker.open("jobs")
        heads: list[tuple[str, int]] = []
        unwatch = broker.watch(lambda channel: heads.append((channel, log.head)))
        reader = BrokerReader(broker)  # notified after that watcher
        reader.wait_until(lambda: log.epoch)
        broker.publish("jobs", "a", "1")
        reader.wait_until(lambda: ("jobs", 1) in heads)  # told when the message is there to be read
        unwatch()
        unwatch()
        broker.publish("jobs", "a", "1")
        reader.wait_until(lambda: log.head == 2)
        assert ("jobs", 2) not in heads

    def test_watcher_removed_leaves_other_watchers(self, broker: Broker) -> None:
        heard: list[str] = []

        def watch(name: str) -> Callable[[], None]:
            return broker.watch(lambda _: heard.append(name))

        unwatch = [watch(name) for name in "abc"]
        unwatch[1]()
        reader = BrokerReader(broker)  # notified after those watchers
        reader.open("jobs")
        broker.publish("jobs", "a", "1")
        reader.wait_until(lambda: {"a", "c"} <= {*heard})
        assert "b" not in heard

    @needs_positions
    @pytest.mark.parametrize("listened", [True, False])
    def test_publish_from_threads_returns_unique_positions(
        self, broker: Broker, reader: BrokerReader, listened: bool, often_switching: None
    ) -> None:
        if listened:
            reader.open("jobs")
        positions: list[Position] = []

        def work() -> None:
            positions.extend(broker.publish("jobs", "a", "1") for _ in range(100))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(position.offset for position in positions) == list(range(1, 801))
        log = reader.open("jobs")
        reader.wait_for_end(log, max(positions))
        assert [row[0] for row in reader.rows(log)] == list(range(1, 801))

    @needs_message_ids
    def test_message_id_published_again_is_delivered_once(
        self, broker: Broker, reader: BrokerReader
    ) -> None:
        log = reader.open("jobs")
        first = broker.publish("jobs", "a", "1", "an id")
        broker.publish("jobs", "a", "2")
        assert broker.publish("jobs", "a", "1", "an id") == first
        assert broker.publish("prices", "a", "1", "an id").epoch != first.epoch
        last = broker.publish("jobs", "a", "3", "another id")
        assert last.offset == 3
        reader.wait_for_end(log, last)
        assert reader.rows(log) == [[1, "a", 1], [2, "a", 2], [3, "a", 3]]
