"""The channel layer: names, events, groups, no history."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.test import override_settings

from brokers.conftest import Make
from dash_pipe.brokers import connect
from dash_pipe.errors import BrokerUnavailableError, InvalidMessageError, SettingError
from dash_pipe.log import NOWHERE, Limits
from dash_pipe.testing.brokers import BrokerReader, HubRunner
from harness.port import Port
from harness.project import configure
from harness.redis import RedisServer
from harness.wait import wait_for
from unit.fakes import rows, values


@pytest.fixture
def make(make_layer: Make) -> Make:
    return make_layer


def send_as_the_original_does(channel: str, event: dict[str, Any]) -> None:
    async_to_sync(get_channel_layer().group_send)(f"dpd_pipe_{channel}", event)


def test_event_sent_by_dpd_is_received(make: Make) -> None:
    reader = BrokerReader(make())
    log = reader.open("jobs")
    event = {"type": "pipe.value", "label": "a", "value": {"x": [1]}}
    send_as_the_original_does("jobs", event)
    reader.wait_until(lambda: log.head == 1)
    assert reader.rows(log) == [[1, "a", {"x": [1]}]]


def test_published_message_is_received_as_event_by_dpd(make: Make) -> None:
    @async_to_sync
    async def hear() -> Any:
        layer = get_channel_layer()
        mailbox = await layer.new_channel()
        await layer.group_add("dpd_pipe_jobs", mailbox)
        assert make().publish("jobs", "a", '{"x":[1]}') == NOWHERE
        return await layer.receive(mailbox)

    heard = hear()
    assert heard.pop("channel_name") == "jobs"
    assert heard == {"type": "pipe.value", "label": "a", "value": {"x": [1]}}


@pytest.mark.parametrize(
    "event",
    [
        {"type": "pipe.value", "label": None, "value": 1},
        {"type": "pipe.value", "label": "a", "value": float("nan")},
        {"type": "other", "label": "a", "value": 1},
    ],
)
def test_invalid_event_is_dropped_and_logged(
    make: Make, event: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    reader = BrokerReader(make())
    log = reader.open("jobs")
    send_as_the_original_does("jobs", event)
    send_as_the_original_does("jobs", {"type": "pipe.value", "label": "a", "value": 2})
    reader.wait_until(lambda: log.head == 1)
    assert reader.rows(log) == [[1, "a", 2]]
    assert "dropped" in caplog.text


def test_browser_from_other_process_continues_without_gap(make: Make) -> None:
    first, second = make(), make()
    runners = HubRunner(first), HubRunner(second)
    stays = runners[1].browser()
    runners[1].frames(stays, stays.subscribe("jobs"), bool)
    browser = runners[0].browser()
    (answer,) = runners[0].frames(browser, browser.subscribe("jobs"), bool)
    first.publish("jobs", "a", '"seen"')
    runners[0].frames(browser, [], rows)
    runners[1].frames(stays, [], rows)
    since = {"epoch": answer["epoch"], "offset": 1}
    moved = runners[1].browser()
    (again,) = runners[1].frames(moved, moved.subscribe("jobs", since=since), bool)
    assert answer["epoch"][0] == again["epoch"][0] == "~"
    assert again["epoch"] != answer["epoch"]
    assert (again["recovered"], again["offset"]) == (None, 1)
    first.publish("jobs", "a", '"new"')
    assert values(runners[1].frames(moved, [], rows)) == ["new"]


@pytest.mark.parametrize("name", ["a b", "é", "a/b", "x" * 91, "a:b", "a\n"])
def test_channel_name_invalid_for_layer_is_rejected(make: Make, name: str) -> None:
    broker = make()
    for send in (broker.check, lambda name: broker.publish(name, "a", "1")):
        with pytest.raises(InvalidMessageError, match="channel_name: expected at most 90 of"):
            send(name)
    browser = HubRunner(broker).browser()
    (error,) = browser.subscribe(name)
    assert (error["code"], error["channel"]) == ("denied", name)
    assert "at most 90" in error["reason"]


def test_channel_name_of_90_characters_is_accepted(make: Make) -> None:
    reader = BrokerReader(make())
    log = reader.open("x" * 90)
    reader.broker.publish("x" * 90, "a", "1")
    reader.wait_until(lambda: log.head == 1)


def test_number_too_large_for_layer_is_rejected(make: Make) -> None:
    reader = BrokerReader(make())
    reader.open("jobs")
    with pytest.raises(InvalidMessageError, match="value: the channel layer can't carry it"):
        reader.broker.publish("jobs", "a", str(2**70))


def test_group_forgotten_by_layer_is_joined_again(
    make: Make, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dash_pipe.brokers.channel_layer.follower.JOIN_SECONDS", 0.1)
    reader = BrokerReader(make())
    log = reader.open("jobs")
    redis.ask("FLUSHALL")
    sender = make()

    def arrives() -> bool:
        sender.publish("jobs", "a", "1")
        return log.head > 0

    wait_for(arrives, "the group to be joined again")


def groups(redis: RedisServer) -> int:
    return sum("group:" in key for key in redis.ask("KEYS", "*"))


def test_idle_groups_beyond_bound_are_left(make: Make, redis: RedisServer) -> None:
    broker = make()  # of 100 channels
    reader = BrokerReader(broker)
    listened = reader.open("jobs")
    for number in range(150):
        reader.open(f"channel-{number}")
        broker.close(f"channel-{number}")
    wait_for(lambda: groups(redis) == 101, "the groups above the bound to be left")
    broker.publish("jobs", "a", "1")
    reader.wait_until(lambda: listened.head == 1)


def test_many_channels_share_few_connections(make: Make, redis: RedisServer) -> None:
    broker = make()
    reader = BrokerReader(broker)
    logs = [broker.open(f"channel-{number}") for number in range(300)]
    reader.wait_until(lambda: all(log.epoch for log in logs))
    assert len(redis.clients()) <= 20


def test_publish_to_unreachable_layer_raises_unavailable(make: Make) -> None:
    port = Port()  # nobody listens there
    with override_settings(
        CHANNEL_LAYERS={
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [f"redis://127.0.0.1:{port.number}"]},
            }
        }
    ):
        with pytest.raises(BrokerUnavailableError, match="the channel layer") as raised:
            make(send_timeout=5.0).publish("jobs", "a", "1")
        assert raised.value.may_have_been_sent


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("channels://other", "CHANNEL_LAYERS has no 'other'; it has default"),
        ("channels://default", "the channel layer 'default' is in memory"),
    ],
)
def test_unusable_layer_raises_setting_error(url: str, reason: str) -> None:
    configure()
    layer = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    with (
        override_settings(CHANNEL_LAYERS={"default": layer}),
        pytest.raises(SettingError, match=reason),
    ):
        connect(url, Limits(), 100)


def test_ping_of_layer_leaves_nothing_in_redis(make: Make, redis: RedisServer) -> None:
    keys = redis.keys()
    make().ping(5)
    assert redis.keys() == keys
