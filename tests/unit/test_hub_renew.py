"""The hub and permissions that end: asked for again, renewed, ended."""

import json
from typing import Any

import pytest

from dash_pipe.hub.authorization import AuthorizationTimeout, Outcome, Permission
from dash_pipe.hub.connection import connect
from dash_pipe.hub.policy import Policy
from dash_pipe.hub.renewals import DELAYS, MAX_CALLS
from dash_pipe.hub.session import Grant, Session
from dash_pipe.protocol import SUBPROTOCOL, Close, Subscribe
from dash_pipe.testing.brokers.browser import Transport
from unit.fakes import MirrorRoom, Room, kinds, values

DENIED = Permission(frozenset({None}))
RAISED = Permission(frozenset({None}), raised=True)


class Page:
    """A browser whose permissions end after 10 seconds."""

    def __init__(self, room: Any, subprotocol: str | None = SUBPROTOCOL) -> None:
        self.room = room
        self.first: Outcome = Permission(until=room.clock() + 10.0)
        self.due: list[Grant] = []
        self.transport = Transport()
        connection = connect(
            room.hub, self.transport, self._authorize, subprotocol, self.due.append
        )
        assert connection is not None
        self.session, self._receive = connection.session, connection.receive

    def _authorize(self, _session: Session, _subscribe: Subscribe) -> Outcome:
        return self.first

    def says(self, **frame: Any) -> list[dict[str, Any]]:
        self._receive(json.dumps(frame))
        return self.transport.take()

    def subscribe(self, channel: str = "jobs", labels: Any = None) -> list[dict[str, Any]]:
        return self.says(type="subscribe", channel=channel, labels=labels)

    @property
    def renews(self) -> bool:
        """Return whether a call for a permission of the page is due."""
        return any(not grant.is_over for grant in self.due)

    def resolve(self, outcome: Outcome) -> list[dict[str, Any]]:
        self.room.hub.resolve_renewal(self.due.pop(0), outcome)
        return self.take()

    def take(self) -> list[dict[str, Any]]:
        """Return the frames since the last call, without heartbeats."""
        return [frame for frame in self.transport.take() if frame["type"] != "ping"]


@pytest.fixture
def page(room: Room) -> Page:
    return Page(room)


def wait(room: Any, seconds: float) -> None:
    room.clock.now += seconds
    room.hub.beat()


def test_permission_is_asked_for_again_at_its_end(room: Room, page: Page) -> None:
    page.subscribe(labels=["a", "b"])
    assert room.hub.seconds_to_beat() == 10.0
    wait(room, 9.9)
    assert page.due == []
    wait(room, 0.1)
    assert page.due[0].subscribe == Subscribe("jobs", frozenset("ab"))
    wait(room, 1.0)
    assert len(page.due) == 1


def test_nothing_is_sent_between_the_end_and_the_answer(room: Room, page: Page) -> None:
    page.subscribe()
    room.clock.now += 9.9
    room.send("jobs", 1)
    room.clock.now += 0.1  # at the end, before the hub beats
    room.send("jobs", 2)
    assert values(page.take()) == [1]
    room.hub.beat()
    room.send("jobs", 3)
    assert page.take() == []
    assert values(page.resolve(Permission(until=room.clock() + 10))) == [2, 3]
    room.send("jobs", 4)
    assert values(page.take()) == [4]


def test_denial_ends_the_subscription_and_no_other(room: Room, page: Page) -> None:
    page.subscribe()
    page.first = Permission()
    page.subscribe("news")
    wait(room, 10.0)
    room.send("jobs", 1)
    (told,) = page.resolve(DENIED)
    assert (told["type"], told["code"], told["channel"]) == ("error", "denied", "jobs")
    assert told["final"] is told["ended"] is True  # it answers no subscribe
    room.send("jobs", 2)
    room.send("news", 3)
    assert values(page.take()) == [3]
    wait(room, 1000.0)
    assert page.due == []


def test_denial_of_some_labels_leaves_the_others(room: Room, page: Page) -> None:
    page.subscribe(labels=["a", "b"])
    room.send("jobs", 1, label="b")
    page.take()
    wait(room, 10.0)
    room.send("jobs", 2, label="b")
    (told, *rest) = page.resolve(Permission(frozenset("b"), room.clock() + 10))
    assert (told["type"], told["denied"], told["ended"]) == ("subscribed", ["b"], True)
    assert values(rest) == []
    room.send("jobs", 3, label="b")
    room.send("jobs", 4, label="a")
    assert values(page.take()) == [4]
    wait(room, 10.0)
    assert page.due[0].subscribe == Subscribe("jobs", frozenset("a"))


def big(number: int) -> str:
    return str(number) * 40_000


def test_replay_of_a_permission_that_has_ended_waits_and_the_others_do_not(
    room: Room, page: Page
) -> None:
    room.send("jobs", 1)
    room.send("news", 2)
    page.subscribe()
    page.first = Permission()
    page.subscribe("news")
    wait(room, 10.0)
    for number, channel in enumerate(("jobs", "news")):
        frame = {"type": "replay", "id": number, "channel": channel, "labels": None, "last": 1}
        told = page.says(**frame)
        assert values(told) == ([] if channel == "jobs" else [2])
    assert values(page.resolve(Permission())) == [1]


def test_replay_of_a_subscription_that_is_denied_brings_nothing_more(
    room: Room, page: Page
) -> None:
    room.send("jobs", *(big(number) for number in range(1, 4)))
    page.subscribe()
    told = page.says(type="replay", id=1, channel="jobs", labels=None, last=3)
    assert kinds(told) == ["replayed", "replayed", "ping"]
    wait(room, 10.0)
    assert kinds(page.resolve(DENIED)) == ["error"]
    assert page.says(type="pong", n=told[-1]["n"]) == []


def test_replay_leaves_out_labels_that_are_denied_meanwhile(room: Room, page: Page) -> None:
    for number in range(1, 5):
        room.send("jobs", big(number), label="ab"[number % 2])
    page.subscribe(labels=["a", "b"])
    told = page.says(type="replay", id=1, channel="jobs", labels=None, last=9)
    assert values(told) == [big(1), big(2)]
    wait(room, 10.0)
    page.resolve(Permission(frozenset("b")))
    assert values(page.says(type="pong", n=told[-1]["n"])) == [big(4)]


@pytest.mark.parametrize("is_renewal", [True, False])
def test_replay_that_a_permission_held_back_leaves_out_denied_labels(
    room: Room, page: Page, is_renewal: bool
) -> None:
    for number in range(1, 5):
        room.send("jobs", number, label="ab"[number % 2])
    page.subscribe(labels=["a", "b"])
    wait(room, 10.0)
    assert page.says(type="replay", id=1, channel="jobs", labels=None, last=9) == []
    page.first = Permission(frozenset("b"))
    told = page.resolve(page.first) if is_renewal else page.subscribe(labels=["a", "b"])
    assert (kinds(told), values(told)) == (["subscribed", "replayed"], [2, 4])


@pytest.mark.parametrize("outcome", [AuthorizationTimeout(), RAISED])
def test_call_without_an_answer_decides_nothing_and_is_repeated(
    room: Room, page: Page, outcome: Outcome
) -> None:
    page.subscribe()
    wait(room, 10.0)
    for delay in DELAYS:
        assert page.resolve(outcome) == []
        room.send("jobs", delay)
        assert page.take() == []
        wait(room, delay)
    assert values(page.resolve(Permission())) == list(DELAYS)


def test_call_that_raises_again_and_again_denies(room: Room, page: Page) -> None:
    page.subscribe()
    wait(room, 10.0)
    for delay in DELAYS:
        page.resolve(RAISED)
        wait(room, delay)
    assert [each["code"] for each in page.resolve(RAISED)] == ["denied"]


def test_call_that_times_out_again_and_again_closes_with_try_later(room: Room, page: Page) -> None:
    page.subscribe()
    wait(room, 10.0)
    for delay in DELAYS:
        page.resolve(AuthorizationTimeout())
        wait(room, delay)
    page.resolve(AuthorizationTimeout())
    assert page.transport.closed is not None
    assert page.transport.closed[0] == Close.TRY_LATER


def test_subscribe_while_a_call_is_under_way_is_what_counts(room: Room, page: Page) -> None:
    page.subscribe(labels=["a"])
    wait(room, 10.0)
    page.first = Permission(until=room.clock() + 10)
    page.subscribe(labels=["b"])
    assert page.resolve(DENIED) == []
    room.send("jobs", 1, label="b")
    assert values(page.take()) == [1]


def test_subscribe_again_after_the_end_sends_what_was_held(room: Room, page: Page) -> None:
    page.subscribe(labels=["a"])
    wait(room, 10.0)
    room.send("jobs", 1)
    page.first = Permission()
    assert kinds(page.subscribe(labels=["a", "b"])) == ["subscribed", "messages"]


def test_call_for_a_subscription_that_has_ended_is_ignored(room: Room, page: Page) -> None:
    page.subscribe()
    wait(room, 10.0)
    page.says(type="unsubscribe", channel="jobs")
    assert page.resolve(DENIED) == []
    page.subscribe()
    room.hub.disconnect(page.session)
    wait(room, 10.0)
    assert page.due == []


def test_calls_of_a_hub_are_few_at_once_and_follow_each_other(room: Room) -> None:
    pages = [Page(room) for _ in range(MAX_CALLS + 3)]
    for page in pages:
        page.subscribe()
    wait(room, 10.0)
    under_way = [page for page in pages if page.due]
    assert len(under_way) == MAX_CALLS
    for page in under_way:
        page.resolve(Permission())
    assert sum(len(page.due) for page in pages) == 3


def test_page_that_has_gone_makes_room_for_the_calls_of_others(room: Room) -> None:
    pages = [Page(room) for _ in range(MAX_CALLS + 1)]
    for page in pages:
        page.subscribe()
    wait(room, 10.0)
    (last,) = (page for page in pages if not page.due)
    room.hub.disconnect(next(page for page in pages if page.due).session)
    room.hub.beat()
    assert last.due


def test_outcomes_that_come_at_once_do_not_nest(room: Room) -> None:
    pages = [Page(room) for _ in range(2000)]
    for page in pages:
        page.subscribe()
        page.session.renew = lambda grant: room.hub.resolve_renewal(grant, DENIED)
    wait(room, 10.0)
    assert {frame["type"] for page in pages for frame in page.take()} == {"error"}


def test_permission_without_an_end_holds_for_authorize_again_at_most() -> None:
    room = Room(policy=Policy(authorize_again=100.0))
    page = Page(room)
    page.first = Permission()
    page.subscribe()
    wait(room, 95.0)
    assert page.due
    room.send("jobs", 1)
    assert values(page.take()) == [1]  # early, so nothing is held back
    wait(room, 5.0)
    room.send("jobs", 2)
    assert page.take() == []
    assert values(page.resolve(Permission())) == [2]


def test_subscription_that_waits_for_its_log_is_denied_with_its_frames(clock: Any) -> None:
    room = MirrorRoom(clock)
    room.clock = clock  # type: ignore[attr-defined]
    page = Page(room)
    assert page.subscribe() == []
    assert page.subscribe(labels=["a"]) == []
    wait(room, 10.0)
    answers = page.resolve(Permission(frozenset("a")))
    assert [(each["type"], "ended" in each) for each in answers] == [("error", False)] * 2
    assert page.session.parked == 0
    room.load("epoch", "a")
    assert page.take() == []
