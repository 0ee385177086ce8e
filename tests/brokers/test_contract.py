"""The contract of a broker: the same tests for memory, Redis and a channel layer."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from brokers.listening import BrokerReader, HubRunner
from dash_pipe.brokers import Broker, memory
from dash_pipe.brokers.redis import commands
from dash_pipe.brokers.redis.follower import RedisFollower
from dash_pipe.endpoint.http import HttpRequest
from dash_pipe.endpoint.poll import poll
from dash_pipe.hub.policy import Policy
from dash_pipe.log import Position
from harness.wait import wait_for
from unit.fakes import kinds, rows, values

Make = Callable[..., Broker]


@pytest.fixture
def often_switching() -> Iterator[None]:
    """Threads take turns so often that they meet in the worst places."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def publish(broker: Broker, labels: str, channel: str = "jobs") -> Position:
    """A message for each letter; the value is its place."""
    position = Position("", 0)
    for value, label in enumerate(labels):
        position = broker.publish(channel, label, str(value))
    return position


def lost(broker: Broker, labels: str) -> dict[str, int]:
    log = broker.open("jobs")
    return {label: dict(log.lost(0, frozenset(label))).get(label, 0) for label in labels}


# Order, offsets, epochs


def test_other_process_receives_all_messages_in_order(make: Make) -> None:
    sender = make()
    reader = BrokerReader(elsewhere(make, sender))
    log = reader.open("jobs")
    for value in range(50):
        sender.publish("jobs", "ab"[value % 2], json.dumps({"n": value, "é": [None, 1.5]}))
    reader.wait_until(lambda: log.head == 50)
    assert [row[2]["n"] for row in reader.rows(log)] == list(range(50))
    assert [row[:2] for row in reader.rows(log, labels="b")] == [[n, "b"] for n in range(2, 51, 2)]


def test_channel_receives_no_messages_of_other_channels(
    broker: Broker, reader: BrokerReader
) -> None:
    jobs, prices = reader.open("jobs"), reader.open("prices")
    broker.publish("prices", "a", "1")
    broker.publish("jobs", "a", "2")
    reader.wait_until(lambda: jobs.head == prices.head == 1)
    assert reader.rows(jobs) == [[1, "a", 2]]
    assert reader.rows(prices) == [[1, "a", 1]]


def test_browser_after_subscribe_receives_only_new_messages(broker: Broker) -> None:
    runner = HubRunner(broker)
    browser = runner.browser()
    broker.publish("jobs", "a", '"old"')
    (answer,) = runner.frames(browser, browser.subscribe("jobs"), has_subscribed)
    assert answer["recovered"] is None
    broker.publish("jobs", "a", '"new"')
    assert values(runner.frames(browser, [], rows)) == ["new"]


def test_browser_reconnecting_to_same_process_resumes(broker: Broker) -> None:
    runner = HubRunner(broker)
    browser, stays = runner.browser(), runner.browser()
    runner.frames(stays, stays.subscribe("jobs"), has_subscribed)
    (answer,) = runner.frames(browser, browser.subscribe("jobs"), has_subscribed)
    runner.hub.disconnect(browser.session)
    broker.publish("jobs", "a", '"meanwhile"')
    runner.frames(stays, [], rows)
    back = runner.browser()
    since = {"epoch": answer["epoch"], "offset": answer["offset"]}
    frames = runner.frames(back, back.subscribe("jobs", since=since), rows)
    assert values(frames) == ["meanwhile"]
    assert frames[0]["recovered"] in {True, None}


@pytest.mark.beyond_layers("it numbers nothing")
def test_publish_returns_position(broker: Broker, reader: BrokerReader) -> None:
    log = reader.open("jobs")
    positions = [broker.publish("jobs", "a", "1") for _ in range(3)]
    assert [position.offset for position in positions] == [1, 2, 3]
    assert {position.epoch for position in positions} == {log.epoch}
    reader.wait_for_end(log, positions[-1])


@pytest.mark.beyond_layers("it has no history")
def test_messages_published_without_listener_are_kept(broker: Broker, reader: BrokerReader) -> None:
    broker.publish("jobs", "a", "1")
    broker.publish("jobs", "b", '{"x":2}')
    broker.publish("prices", "a", "3")
    assert reader.rows(reader.open("jobs")) == [[1, "a", 1], [2, "b", {"x": 2}]]
    assert reader.rows(reader.open("prices")) == [[1, "a", 3]]


@pytest.mark.beyond_layers("it numbers nothing")
def test_special_characters_are_read_as_published(make: Make) -> None:
    broker = make()
    reader = BrokerReader(broker)
    log = reader.open("jobs")
    value = json.dumps({"text": "é \N{ROCKET} \u2028 \\ \" ' ] , 1.5]", "none": None})
    reader.wait_for_end(log, broker.publish("jobs", 'quoted "label" é, [', value))
    (heard,) = log.read(0, None, 2**30).rows
    assert json.loads(heard)[:3] == [1, 'quoted "label" é, [', json.loads(value)]
    if broker.may_wait:
        other = make()
        assert BrokerReader(other).open("jobs").read(0, None, 2**30).rows == [heard]


@pytest.mark.beyond_layers("of names it takes some")
@pytest.mark.parametrize(
    "name", ["}{", "a}b", "{x}", "\udfff", "*?[a]", "a b\n", "\N{ROCKET}" * 200]
)
def test_channel_and_label_of_any_characters_are_accepted(
    broker: Broker, reader: BrokerReader, name: str
) -> None:
    reader.wait_for_end(reader.open(name), broker.publish(name, name, "1"))
    assert reader.rows(broker.open(name)) == [[1, name, 1]]


@pytest.mark.beyond_layers("it numbers nothing")
def test_epochs_of_two_channels_differ(broker: Broker) -> None:
    assert broker.publish("jobs", "a", "1").epoch != broker.publish("prices", "a", "1").epoch


@pytest.mark.beyond_layers("it numbers nothing")
def test_epoch_after_close_and_open_is_unchanged(broker: Broker, reader: BrokerReader) -> None:
    first = broker.publish("jobs", "a", "1")
    for _ in range(3):
        assert reader.open("jobs").epoch == first.epoch
        broker.close("jobs")
    assert broker.publish("jobs", "a", "1") == (first.epoch, 2)


def test_channel_opened_twice_returns_same_log(broker: Broker, reader: BrokerReader) -> None:
    log = reader.open("jobs")
    assert broker.open("jobs") is log
    broker.close("jobs")
    broker.publish("jobs", "a", "1")
    reader.wait_until(lambda: log.head == 1)


def test_watcher_is_called_after_message_is_readable(broker: Broker, reader: BrokerReader) -> None:
    log = reader.open("jobs")
    heads: list[tuple[str, int]] = []
    unwatch = broker.watch(lambda channel: heads.append((channel, log.head)))
    broker.publish("jobs", "a", "1")
    reader.wait_until(lambda: ("jobs", 1) in heads)  # told when the message is there to be read
    unwatch()
    unwatch()
    broker.publish("jobs", "a", "1")
    reader.wait_until(lambda: log.head == 2)
    assert ("jobs", 2) not in heads


def test_watcher_removed_leaves_other_watchers(broker: Broker) -> None:
    heard: list[str] = []
    unwatch = [broker.watch(lambda _, name=name: heard.append(name)) for name in "abc"]
    unwatch[1]()
    reader = BrokerReader(broker)
    log = reader.open("jobs")
    broker.publish("jobs", "a", "1")
    reader.wait_until(lambda: log.head == 1)
    assert {*heard} == {"a", "c"}


@pytest.mark.beyond_layers("it numbers nothing")
@pytest.mark.parametrize("listened", [True, False])
def test_publish_from_threads_returns_unique_positions(
    broker: Broker, reader: BrokerReader, listened: bool, often_switching: None
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


# Sending twice


@pytest.mark.beyond_layers("it knows no message by its id")
def test_message_id_published_again_is_delivered_once(broker: Broker, reader: BrokerReader) -> None:
    log = reader.open("jobs")
    first = broker.publish("jobs", "a", "1", "an id")
    broker.publish("jobs", "a", "2")
    assert broker.publish("jobs", "a", "1", "an id") == first
    assert broker.publish("prices", "a", "1", "an id").epoch != first.epoch
    last = broker.publish("jobs", "a", "3", "another id")
    assert last.offset == 3
    reader.wait_for_end(log, last)
    assert reader.rows(log) == [[1, "a", 1], [2, "a", 2], [3, "a", 3]]


@pytest.fixture
def bound_ids(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, float], None]]:
    """Sets another bound on the ids that brokers remember."""

    def bound(name: str, value: float) -> None:
        for module in (memory, commands):
            monkeypatch.setattr(module, name, value)
        commands._bounds.cache_clear()

    yield bound
    commands._bounds.cache_clear()


@pytest.mark.beyond_layers("it knows no message by its id")
def test_message_id_after_its_time_is_forgotten(
    make: Make, bound_ids: Callable[[str, float], None], request: pytest.FixtureRequest
) -> None:
    bound_ids("IDS_SECONDS", 0.5)
    broker = make()
    begun = time.monotonic()
    first = broker.publish("jobs", "a", "1", "an id")
    if broker.may_wait:  # as on a busy channel, where the key does not expire
        redis = request.getfixturevalue("redis")
        assert redis.ask("PERSIST", "dash-pipe:{jobs}:ids") == 1
    last = wait_for(
        lambda: None if (at := broker.publish("jobs", "a", "1", "an id")) == first else at,
        "the id to be forgotten",
    )
    assert time.monotonic() - begun >= 0.5
    assert last == (first.epoch, 2)


@pytest.mark.beyond_layers("it knows no message by its id")
def test_message_ids_beyond_bound_are_forgotten(
    make: Make, bound_ids: Callable[[str, float], None]
) -> None:
    bound_ids("MAX_IDS", 3)
    broker = make()
    sent = [broker.publish("jobs", "a", "1", str(number)) for number in range(5)]
    assert [broker.publish("jobs", "a", "1", str(number)) for number in (2, 3, 4)] == sent[2:]
    assert broker.publish("jobs", "a", "1", "0").offset == 6


# The window, and what is beside it. A second broker reads in Redis what the first has written.


def both(make: Make, history: str, /, **limits: float) -> Iterator[BrokerReader]:
    """One that heard everything, then one that read it afterwards."""
    writer = make(**limits)
    reader = BrokerReader(writer)
    log = reader.open("jobs")
    reader.wait_for_end(log, publish(writer, history))
    yield reader
    if writer.may_wait:
        other = BrokerReader(make(**limits))
        other.open("jobs")
        yield other


@pytest.mark.beyond_layers("it has no history")
def test_window_beyond_message_count_drops_oldest(make: Make) -> None:
    for reader in both(make, "aaaaa", messages=3):
        assert reader.rows(reader.broker.open("jobs")) == [[3, "a", 2], [4, "a", 3], [5, "a", 4]]
        assert lost(reader.broker, "a") == {"a": 2}


@pytest.mark.beyond_layers("it has no history")
def test_window_beyond_bytes_drops_oldest(make: Make) -> None:
    for reader in both(make, "aaaaaa", bytes=75):
        assert [row[0] for row in reader.rows(reader.broker.open("jobs"))] == [4, 5, 6]


@pytest.mark.beyond_layers("it has no history")
def test_window_beyond_age_drops_oldest(make: Make) -> None:
    for reader in both(make, "ab", seconds=0.3, label_seconds=0.3):
        log = reader.broker.open("jobs")
        wait_for(
            lambda reader=reader, log=log: reader.rows(log) == [], "the messages to be too old"
        )
        assert log.head == 2
        assert lost(reader.broker, "ab") == {"a": 1, "b": 2}


@pytest.mark.beyond_layers("it has no history")
def test_window_with_expired_messages_is_trimmed_on_publish(make: Make) -> None:
    writer = make(seconds=0.2, label_seconds=60)
    publish(writer, "aab")
    reader = BrokerReader(elsewhere(make, writer, seconds=0.2, label_seconds=60))
    log = reader.open("jobs")
    wait_for(lambda: reader.rows(log) == [[2, "a", 1], [3, "b", 2]], "the window to be empty")
    reader.wait_for_end(log, writer.publish("jobs", "a", "9"))
    assert reader.rows(log) == [[3, "b", 2], [4, "a", 9]]
    other = BrokerReader(elsewhere(make, writer, seconds=0.2, label_seconds=60))
    other.open("jobs")
    assert lost(reader.broker, "ab") == lost(other.broker, "ab") == {"a": 2, "b": 0}


@pytest.mark.beyond_layers("it has no history")
def test_newest_message_of_label_outlives_window(make: Make) -> None:
    for reader in both(make, "qqabbbbb", messages=3):
        log = reader.broker.open("jobs")
        assert [row[0] for row in reader.rows(log)] == [2, 3, 6, 7, 8]
        assert lost(reader.broker, "qab") == {"q": 1, "a": 0, "b": 5}
        assert [m.offset for m in log.newest(frozenset("qa"), 1)] == [2, 3]


@pytest.mark.beyond_layers("it has no history")
def test_kept_newest_message_is_lost_when_newer_one_arrives(make: Make) -> None:
    for reader in both(make, "qaaaq", messages=2):
        assert lost(reader.broker, "q") == {"q": 1}
        assert reader.rows(reader.broker.open("jobs"), labels="q") == [[5, "q", 4]]


@pytest.mark.beyond_layers("it has no history")
def test_newest_messages_beyond_label_count_are_dropped(make: Make) -> None:
    for reader in both(make, "abcxxx", messages=2, labels=2):
        assert [row[0] for row in reader.rows(reader.broker.open("jobs"))] == [3, 5, 6]
        assert lost(reader.broker, "abz")["z"] <= 2
        assert {**lost(reader.broker, "ab")} == {"a": 1, "b": 2}


@pytest.mark.beyond_layers("it has no history")
def test_losses_beyond_label_count_are_merged(make: Make) -> None:
    for reader in both(make, "abcdefghij" * 5, messages=1, labels=4):
        log = reader.broker.open("jobs")
        assert len(log.lost(0, None)) <= 5
        assert len(reader.rows(log)) <= 5
        assert lost(reader.broker, "z")["z"] >= 40  # what is not known counts as lost


@pytest.mark.beyond_layers("it has no history")
def test_label_after_its_time_is_forgotten(make: Make) -> None:
    for reader in both(make, "qab", messages=1, label_seconds=0.3):
        log = reader.broker.open("jobs")
        wait_for(
            lambda reader=reader, log=log: reader.rows(log, labels="qa") == [], "q to be forgotten"
        )
        reader.wait_for_end(log, reader.broker.publish("jobs", "b", "9"))
        assert lost(reader.broker, "qa") == {"q": 1, "a": 2}


@pytest.mark.beyond_layers("it has no history")
def test_losses_in_two_processes_are_equal(make: Make) -> None:
    readers = list(both(make, "abcabdabeffffa", messages=3, labels=3))
    judged = [lost(reader.broker, "abcdefz") for reader in readers]
    assert judged[0] == judged[-1]


# Resume and gap, through a hub


def since(position: Position) -> dict[str, Any]:
    return position._asdict()


def has_subscribed(frames: list[dict[str, Any]]) -> bool:
    return "subscribed" in kinds(frames)


def elsewhere(make: Make, broker: Broker, **limits: float) -> Broker:
    """The broker as another process has it."""
    return make(**limits) if broker.may_wait else broker


@pytest.mark.beyond_layers("it has no history")
def test_first_subscribe_with_history_starts_at_head(broker: Broker) -> None:
    runner = HubRunner(broker)
    browser = runner.browser()
    old = broker.publish("jobs", "a", '"old"')
    (answer,) = runner.frames(browser, browser.subscribe("jobs"), has_subscribed)
    assert (answer["epoch"], answer["offset"], answer["recovered"]) == (*old, None)
    broker.publish("jobs", "a", '"new"')
    assert values(runner.frames(browser, [], rows)) == ["new"]


@pytest.mark.beyond_layers("it has no history")
def test_browser_with_position_resumes_there(make: Make) -> None:
    broker = make()
    position = publish(broker, "ab")
    publish(broker, "cd")
    runner = HubRunner(elsewhere(make, broker))
    browser = runner.browser()
    frames = runner.frames(browser, browser.subscribe("jobs", since=since(position)), rows)
    assert frames[0]["recovered"] is True
    assert [row[0] for row in rows(frames)] == [3, 4]


@pytest.mark.beyond_layers("it has no history")
def test_browser_moved_before_first_message_misses_nothing(make: Make) -> None:
    first = make()
    second = elsewhere(make, first)
    runners = HubRunner(first), HubRunner(second)
    stays, moves = runners[1].browser(), runners[0].browser()
    runners[1].frames(stays, stays.subscribe("jobs"), has_subscribed)
    (answer,) = runners[0].frames(moves, moves.subscribe("jobs"), has_subscribed)
    runners[0].hub.disconnect(moves.session)
    first.publish("jobs", "a", '"first"')
    moved = runners[1].browser()
    since = {"epoch": answer["epoch"], "offset": answer["offset"]}
    frames = runners[1].frames(moved, moved.subscribe("jobs", since=since), rows)
    assert frames[0]["recovered"] is True
    assert values(frames) == values(runners[1].frames(stays, [], rows)) == ["first"]


@pytest.mark.beyond_layers("it has no history")
def test_position_outside_window_is_gap_for_lost_labels_only(make: Make) -> None:
    broker = make(messages=2)
    position = publish(broker, "a")
    publish(broker, "aaaab")
    runner = HubRunner(elsewhere(make, broker, messages=2))
    for labels, recovered, gone in ((["a"], False, [["a", 4]]), (["b"], True, None)):
        browser = runner.browser()
        come = browser.subscribe("jobs", labels, since=since(position))
        answer, messages = runner.frames(browser, come, rows)
        assert (answer["recovered"], messages.get("lost")) == (recovered, gone)


@pytest.mark.beyond_layers("it has no history")
def test_position_of_other_epoch_is_gap_and_reads_from_start(broker: Broker) -> None:
    publish(broker, "ab")
    runner = HubRunner(broker)
    browser = runner.browser()
    come = browser.subscribe("jobs", since={"epoch": "another", "offset": 1})
    frames = runner.frames(browser, come, rows)
    assert frames[0]["recovered"] is False
    assert [row[0] for row in rows(frames)] == [1, 2]


@pytest.mark.beyond_layers("it has no history")
def test_requests_of_one_session_are_answered_in_order(broker: Broker) -> None:
    publish(broker, "ab")
    runner = HubRunner(broker)
    browser = runner.browser()
    elsewhere = {"epoch": "another", "offset": 1}
    come = browser.subscribe("jobs", ["a"], since=elsewhere)
    come += browser.replay("jobs", labels=["a"])
    come += browser.says(type="unsubscribe", channel="jobs")
    come += browser.replay("jobs")
    come += browser.subscribe("jobs", ["b"], since=elsewhere)
    frames = runner.frames(browser, come, lambda frames: len(frames) == 6)
    assert kinds(frames) == [
        "subscribed",
        "messages",
        "replayed",
        "error",
        "subscribed",
        "messages",
    ]
    assert values(frames) == [0, 0, 1]


@pytest.mark.beyond_layers("it has no history")
def test_poll_waits_until_log_is_loaded(broker: Broker) -> None:
    publish(broker, "ab")
    since = {"epoch": "another", "offset": 9}
    subscribe = {"type": "subscribe", "channel": "jobs", "labels": None, "since": since}
    request = HttpRequest("POST", "poll", {}, json.dumps([subscribe]).encode())
    answer = poll(request, broker, Policy(), 2.0, lambda *_: frozenset())
    frames = json.loads(answer.body)
    assert kinds(frames) == ["subscribed", "messages"]
    assert frames[0]["recovered"] is False
    assert values(frames) == [0, 1]


def test_log_expired_can_be_opened_again_at_once(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(broker, "a")
    reader = BrokerReader(broker)
    reader.open("another")  # so that there is always something to follow
    monkeypatch.setattr("dash_pipe.brokers.redis.mirrors.IDLE_SECONDS", 0.0)
    for _ in range(200):
        log = reader.open("jobs")
        broker.close("jobs")
        if isinstance(listener := getattr(broker, "_follower", None), RedisFollower):
            listener._mirrors.expire()  # as the check does every 30 s
    assert reader.open("jobs").end == log.end
