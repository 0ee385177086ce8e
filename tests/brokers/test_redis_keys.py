"""The keys that subscribing writes into Redis: they are few and expire."""

from collections.abc import Iterator

import pytest

from brokers.conftest import Make
from dash_pipe.brokers import Broker
from dash_pipe.brokers.redis import commands, mirrors, pulse
from dash_pipe.testing.brokers import BrokerReader, HubRunner
from harness.proxy import Proxy
from harness.redis import RedisServer
from harness.wait import wait_for
from unit.fakes import rows, values

META = "dash-pipe:{jobs}:meta"
HOUR = 3_600_000


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare heads every 0.1 seconds."""
    monkeypatch.setattr(pulse, "PING_SECONDS", 0.1)


def checks(redis: RedisServer) -> int:
    """Return the number of comparisons of heads."""
    return int(redis.ask("INFO", "commandstats").get("cmdstat_ping", {}).get("calls", 0))


def wait_for_checks(redis: RedisServer) -> None:
    enough = checks(redis) + 3
    wait_for(lambda: checks(redis) >= enough, "heads to be compared")


def visit(broker: Broker, *channels: str) -> None:
    """Listen for a moment."""
    reader = BrokerReader(broker)
    for channel in channels:
        reader.open(channel)
        broker.close(channel)
    reader.unwatch()


def test_meta_key_of_empty_channel_expires_within_an_hour(
    redis: RedisServer, make_redis: Make
) -> None:
    log = BrokerReader(make_redis()).open("jobs")
    assert redis.ask("KEYS", "*") == [META]
    assert 0 < redis.ask("PTTL", META) < HOUR
    wait_for_checks(redis)
    assert 0 < redis.ask("PTTL", META) < HOUR
    assert make_redis().publish("jobs", "a", "1") == (log.epoch, 1)
    for _ in range(2):
        assert redis.ask("PTTL", META) > HOUR
        wait_for_checks(redis)


def test_keys_of_channel_with_messages_all_expire(redis: RedisServer, make_redis: Make) -> None:
    broker = make_redis(messages=1, labels=2)
    for evicted in ("ids", "newest", "labels", "none"):
        for label in "aab":
            broker.publish("jobs", label, "1")
        keys = redis.ask("KEYS", "*")
        assert len(keys) == 6
        assert [key for key in keys if redis.ask("PTTL", key) < 0] == []
        redis.ask("DEL", f"dash-pipe:{{jobs}}:{evicted}")


@pytest.fixture
def not_for_long(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep an idle channel for three seconds, and no idle mirror."""
    monkeypatch.setattr(commands, "EMPTY_SECONDS", 3.0)
    monkeypatch.setattr(mirrors, "IDLE_SECONDS", 0.0)
    commands._bounds.cache_clear()
    yield
    commands._bounds.cache_clear()


def test_meta_key_of_subscribed_channel_is_kept(
    redis: RedisServer, make_redis: Make, not_for_long: None
) -> None:
    visit(make_redis(), "other")
    runner = HubRunner(make_redis())
    browser = runner.browser()
    (answer,) = runner.frames(browser, browser.subscribe("jobs"), bool)
    wait_for(lambda: redis.ask("KEYS", "*") == [META], "the other place to be given up")
    assert make_redis().publish("jobs", "a", '"first"') == (answer["epoch"], 1)
    assert values(runner.frames(browser, [], rows)) == ["first"]


def test_meta_keys_of_empty_channels_are_bounded(redis: RedisServer, make_redis: Make) -> None:
    broker = make_redis()  # of 100 channels
    visit(broker, *(f"channel {number}" for number in range(350)))
    # A hundred mirrors are idle, and the keys of a hundred other channels are kept.
    wait_for(lambda: redis.ask("DBSIZE") == 200, "the others to be removed")
    assert redis.ask("EXISTS", "dash-pipe:{channel%20150}:meta") == 1
    broker.publish("channel 150", "a", "1")
    visit(broker, *(f"another {number}" for number in range(300)))
    wait_for(lambda: redis.ask("DBSIZE") == 200 + 4, "all but what was sent to be removed")


def test_meta_key_of_channel_open_in_other_process_is_kept(
    redis: RedisServer, make_redis: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "PING_SECONDS", 30.0)
    reader = BrokerReader(make_redis())
    log = reader.open("channel 0")
    visit(make_redis(), *(f"channel {number}" for number in range(350)))
    wait_for(lambda: redis.ask("DBSIZE") == 201, "all but one to be removed")
    assert make_redis().publish("channel 0", "a", "1") == (log.epoch, 1)


@pytest.mark.parametrize("command", ["FLUSHALL", "DEL"])
def test_meta_key_removed_while_subscribed_is_restored(
    redis: RedisServer, make_redis: Make, command: str
) -> None:
    runner = HubRunner(make_redis())
    browser = runner.browser()
    (answer,) = runner.frames(browser, browser.subscribe("jobs"), bool)
    redis.ask(*([command] if command == "FLUSHALL" else [command, META]))
    wait_for(lambda: redis.ask("EXISTS", META), "it to be taken again")
    assert make_redis().publish("jobs", "a", '"first"') == (answer["epoch"], 1)
    (frame,) = runner.frames(browser, [], rows)
    assert (frame["epoch"], values([frame])) == (answer["epoch"], ["first"])


def test_meta_key_removed_after_missed_message_changes_epoch(
    redis: RedisServer, make_redis: Make
) -> None:
    """A listener that knows an empty log returns to the rest of one with a message."""
    with Proxy(redis.port) as proxy:
        reader = BrokerReader(make_redis(proxy.url.replace("http", "redis")))
        log = reader.open("jobs")
        epoch = log.epoch
        proxy.refuse()
        proxy.cut()
        assert make_redis().publish("jobs", "a", "1") == (epoch, 1)
        assert redis.ask("DEL", META) == 1
        proxy.allow()
        reader.wait_until(lambda: log.epoch != epoch)


def test_meta_key_removed_after_received_message_changes_epoch(
    redis: RedisServer, make_redis: Make
) -> None:
    reader = BrokerReader(make_redis())
    log = reader.open("jobs")
    old = make_redis().publish("jobs", "a", "1")
    reader.wait_for_end(log, old)
    redis.ask("FLUSHALL")
    reader.wait_until(lambda: log.epoch != old.epoch)
