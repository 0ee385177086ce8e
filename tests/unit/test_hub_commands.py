"""Commands to all hubs: permissions revoked, users disconnected."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.errors import InvalidMessageError, InvalidPermissionError
from dash_pipe.hub.authorization import Pending, Permission
from dash_pipe.hub.commands import MAX_SKEW, Commands, Disconnect, Revoke
from dash_pipe.hub.subscriptions import Subscriptions
from dash_pipe.log import Ended, Position
from dash_pipe.log.log import Log
from dash_pipe.protocol import COMMAND_CHANNEL, Close
from unit.fakes import Clock, MirrorBroker, Room, kinds, values
from unit.test_hub_renew import DENIED, Page


def page_of(room: Room, user: str | None, *channels: str) -> Page:
    page = Page(room)
    page.first = Permission(user=user)
    for channel in channels or ("jobs",):
        page.subscribe(channel)
    return page


def send(room: Room, name: str, **fields: str) -> None:
    room.broker.publish(COMMAND_CHANNEL, name, json.dumps(fields))


def test_nothing_sent_after_a_revoke_arrives_before_the_answer(room: Room) -> None:
    page = page_of(room, "ann")
    send(room, "revoke")
    room.send("jobs", 1)
    assert page.take() == []
    assert page.renews
    assert kinds(page.resolve(DENIED)) == ["error"]
    room.send("jobs", 2)
    assert page.take() == []


def test_revoke_holds_before_the_hub_was_woken(room: Room) -> None:
    """A pong lets messages flow, also before the next flush."""
    page = page_of(room, "ann")
    room.send("jobs", "x" * 70_000)
    ping = page.transport.take()[-1]
    assert ping["type"] == "ping"
    send(room, "revoke")
    room.publish("jobs", 1)
    assert page.says(type="pong", n=ping["n"]) == []
    assert values(page.resolve(Permission())) == [1]


class Meanwhile:
    """Revoke or disconnect, then send, while the hub does something: as another thread may."""

    def __init__(self, patch: pytest.MonkeyPatch, cls: type, method: str) -> None:
        self.call: Callable[[], object] = lambda: None
        original = getattr(cls, method)

        def wrapped(*arguments: Any) -> Any:
            call, self.call = self.call, lambda: None
            call()
            return original(*arguments)

        patch.setattr(cls, method, wrapped)

    def then(self, *calls: Callable[[], object]) -> None:
        self.call = lambda: [call() for call in calls]


def test_message_sent_after_a_revoke_waits_also_if_the_hub_is_reading(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of(room, "ann")
    reading = Meanwhile(monkeypatch, Log, "read")
    reading.then(lambda: send(room, "revoke"), lambda: room.publish("jobs", 2))
    room.send("jobs", 1)
    assert page.take() == []
    assert values(page.resolve(Permission())) == [1, 2]


def test_subscription_that_is_denied_while_the_hub_is_reading_hears_no_more(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of(room, "ann")
    page.session.renew = lambda grant: room.hub.resolve_renewal(grant, DENIED)
    Meanwhile(monkeypatch, Log, "read").then(lambda: send(room, "revoke"))
    room.send("jobs", 1)
    assert kinds(page.take()) == ["error"]


def test_message_sent_after_a_disconnect_waits_also_if_the_hub_is_reading(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {user: page_of(room, user) for user in ("ann", "bob", "ann again")}
    reading = Meanwhile(monkeypatch, Log, "read")
    reading.then(lambda: send(room, "disconnect", user="bob"), lambda: room.publish("jobs", 2))
    room.send("jobs", 1)
    assert [values(page.take()) for page in pages.values()] == [[1, 2], [], [1, 2]]


def test_replay_of_a_message_sent_after_a_revoke_waits_for_the_answer(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of(room, "ann")
    taking = Meanwhile(monkeypatch, Subscriptions, "take")
    taking.then(lambda: send(room, "revoke"), lambda: room.publish("jobs", 1))
    replay = {"type": "replay", "channel": "jobs", "id": 1, "labels": None, "last": 1}
    assert page.says(**replay) == []
    (told, *_) = page.resolve(Permission())
    assert told["type"] == "replayed"


def test_command_wakes_the_hub_without_a_message(room: Room) -> None:
    page_of(room, "ann")
    before = room.wakes
    send(room, "revoke")
    assert room.wakes == before + 1


def test_revoked_permission_that_still_holds_loses_nothing(room: Room) -> None:
    page = page_of(room, "ann")
    send(room, "revoke")
    room.send("jobs", 1, 2)
    assert values(page.resolve(Permission())) == [1, 2]


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({}, {("ann", "jobs"), ("ann", "news"), ("bob", "jobs"), (None, "jobs")}),
        ({"channel": "news"}, {("ann", "news")}),
        ({"user": "ann"}, {("ann", "jobs"), ("ann", "news"), (None, "jobs")}),
        ({"user": "bob", "channel": "news"}, set()),
    ],
)
def test_revoke_is_for_the_channel_and_the_user_that_it_names(
    room: Room, fields: dict[str, str], due: set[Any]
) -> None:
    pages = {
        "ann": page_of(room, "ann", "jobs", "news"),
        "bob": page_of(room, "bob"),
        None: page_of(room, None),
    }
    send(room, "revoke", **fields)
    room.hub.flush()
    found = {(user, each.subscribe.channel) for user, page in pages.items() for each in page.due}
    assert found == due


def test_answer_that_is_older_than_a_revoke_does_not_count(room: Room) -> None:
    page = page_of(room, "ann")
    send(room, "revoke")
    room.hub.flush()
    send(room, "revoke")
    room.send("jobs", 1)
    assert page.resolve(Permission()) == []
    assert page.renews
    assert kinds(page.resolve(DENIED)) == ["error"]


def test_subscribe_whose_answer_is_older_than_a_revoke_is_authorized_again(room: Room) -> None:
    browser = room.browser()
    browser.session.renew = lambda grant: None  # type: ignore[union-attr]
    page_of(room, "ann")  # the hub follows the commands
    browser.verdict = Pending()
    browser.subscribe("jobs")
    send(room, "revoke", user="ann")
    room.hub.resolve_authorization(browser.session, Permission())  # type: ignore[arg-type]
    assert browser.asked == [("jobs", None)] * 2
    assert browser.transport.take() == []
    room.hub.resolve_authorization(browser.session, DENIED)  # type: ignore[arg-type]
    assert kinds(browser.transport.take()) == ["error"]


def test_disconnect_closes_the_connections_of_its_user_alone(room: Room) -> None:
    ann, bob, unknown = (page_of(room, user) for user in ("ann", "bob", None))
    send(room, "disconnect", user="ann")
    room.hub.flush()
    assert ann.transport.closed is not None
    assert ann.transport.closed[0] == Close.RESTART  # the page comes again
    assert bob.transport.closed is unknown.transport.closed is None


def test_channel_of_the_commands_is_not_for_pages(room: Room) -> None:
    page = page_of(room, "ann")
    (told,) = page.subscribe(COMMAND_CHANNEL)
    assert (told["code"], told["final"]) == ("denied", True)
    with pytest.raises(InvalidMessageError, match="which is dash-pipe's own"):
        dash_pipe.send_to_pipe_channel(COMMAND_CHANNEL, "revoke", {})


def test_hub_without_permissions_does_not_follow_commands(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs")
    assert COMMAND_CHANNEL not in room.broker._open
    page = Page(room)
    assert COMMAND_CHANNEL in room.broker._open
    room.hub.disconnect(page.session)
    assert COMMAND_CHANNEL in room.broker._open
    browser.disconnect()
    assert COMMAND_CHANNEL not in room.broker._open


# A log that is elsewhere, with a mirror here


@pytest.fixture
def broker(clock: Clock) -> MirrorBroker:
    return MirrorBroker(clock)


def followed(broker: MirrorBroker, now: float) -> Commands:
    commands = Commands(broker)  # type: ignore[arg-type]
    commands.open(now)
    return commands


def load(broker: MirrorBroker, epoch: str, *labels: str, **options: Any) -> None:
    broker.load(COMMAND_CHANNEL, epoch, *labels, **options)


def test_commands_while_the_mirror_was_read_first_are_executed(
    broker: MirrorBroker, clock: Clock
) -> None:
    commands = followed(broker, clock.now)
    assert commands.take() == []
    log = broker.logs[COMMAND_CHANNEL]
    load(broker, "e")
    log.append("revoke", '{"user":"ann"}')
    log.append("disconnect", '{"user":"bob"}')
    log.append("of a later version", '{"user":"bob"}')
    assert commands.take() == [Revoke(user="ann"), Disconnect("bob")]
    assert commands.take() == []


def test_commands_from_before_are_not(broker: MirrorBroker, clock: Clock) -> None:
    commands = followed(broker, clock.now + MAX_SKEW + 1)
    load(broker, "e")
    broker.logs[COMMAND_CHANNEL].append("revoke", "{}")
    assert commands.take() == []


def test_epoch_in_which_commands_may_be_lost_revokes_everything(
    broker: MirrorBroker, clock: Clock
) -> None:
    commands = followed(broker, clock.now)
    load(broker, "e", "x", "x")
    commands.take()
    load(broker, "f", "x", "x", past=(Ended("e", 2, 2),))
    assert commands.take() == []  # nothing was lost
    load(broker, "g", "x", past=(Ended("f", 1, None),))
    assert commands.take() == [Revoke()]


def test_log_that_has_forgotten_commands_revokes_everything(
    broker: MirrorBroker, clock: Clock
) -> None:
    commands = followed(broker, clock.now)
    load(broker, "e", "x")
    commands.take()
    log = broker.logs[COMMAND_CHANNEL]
    for _ in range(10_002):
        log.append("x", "0")
    assert commands.take()[0] == Revoke()


def sent() -> list[Any]:
    """Return the commands in the log of this process."""
    log = runtime.current().broker.open(COMMAND_CHANNEL)
    rows = log.read(0, None, 10_000).rows
    return [json.loads(row)[1:3] for row in rows]


def test_commands_are_sent_as_messages_and_checked() -> None:
    dash_pipe.revoke()
    dash_pipe.revoke("jobs", user=7)
    dash_pipe.disconnect(user="ann")
    assert sent() == [
        ["revoke", {}],
        ["revoke", {"channel": "jobs", "user": "7"}],
        ["disconnect", {"user": "ann"}],
    ]
    with pytest.raises(InvalidMessageError, match="channel_name: expected a string of 1 to 200"):
        dash_pipe.revoke("")
    for user in ("", "a" * 201, True, 1.5):
        with pytest.raises(InvalidPermissionError, match="user: expected a string of 1 to 200"):
            dash_pipe.disconnect(user=user)  # type: ignore[arg-type]


def test_position_of_commands_is_the_end_of_a_log_that_is_known(room: Room) -> None:
    send(room, "revoke")
    commands = Commands(room.broker)
    commands.open(room.clock())
    commands.open(room.clock())
    assert commands.take() == []
    assert commands._position == Position(commands._position.epoch, 1)
    commands.close()
    commands.close()
