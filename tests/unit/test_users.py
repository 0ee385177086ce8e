"""The connections of each user, bounded."""

import asyncio
from contextlib import nullcontext
from typing import Any

import pytest

import dash_pipe
from dash_pipe.client import encode
from dash_pipe.hub.authorization import Pending, Permission
from dash_pipe.hub.policy import Policy
from dash_pipe.protocol import Subscribe
from unit.asgi_server import Server
from unit.fakes import Room, values
from unit.line import Line
from unit.test_addresses import end
from unit.test_hub_renew import Page
from unit.test_statistics import Open, connect, is_counted, lines  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("fresh_runtime")


def reached(room: Room) -> float:
    return room.hub._traffic.numbers()["max_connections_per_user_reached"]


def page_of(room: Room, user: str | None) -> Page:
    page = Page(room)
    page.first = Permission(user=user)
    page.subscribe()
    return page


@pytest.fixture
def room() -> Room:
    return Room(policy=Policy(max_sessions_per_user=2))


def test_newest_connection_of_a_user_who_has_too_many_is_closed(room: Room) -> None:
    first, second, other = page_of(room, "ann"), page_of(room, "ann"), page_of(room, "bob")
    newest = page_of(room, "ann")
    assert newest.transport.closed is not None
    code, reason = newest.transport.closed
    assert (code, reason) == (1013, "max_connections_per_user: 2 connections are open already")
    assert reached(room) == 1
    room.send("jobs", 1)
    assert [values(each.take()) for each in (first, second, other, newest)] == [[1], [1], [1], []]


def test_connection_that_has_ended_counts_no_longer(room: Room) -> None:
    first = page_of(room, "ann")
    page_of(room, "ann")
    for _ in range(2):
        page_of(room, "ann")  # is closed, and does not count
    room.hub.disconnect(first.session)
    room.hub.disconnect(first.session)
    assert page_of(room, "ann").transport.closed is None
    assert page_of(room, "ann").transport.closed is not None
    assert reached(room) == 3


def test_connection_with_many_channels_counts_once(room: Room) -> None:
    page = page_of(room, "ann")
    for channel in ("news", "prices"):
        page.subscribe(channel)
    assert page.transport.closed is page_of(room, "ann").transport.closed is None


def test_connection_whose_user_changes_counts_for_the_new_one(room: Room) -> None:
    page = page_of(room, "ann")
    page.first = Permission(user="bob")
    page.subscribe("news")
    assert [page_of(room, "ann").transport.closed for _ in range(2)] == [None, None]
    assert page_of(room, "bob").transport.closed is None
    assert page_of(room, "bob").transport.closed is not None


def test_connections_without_a_user_are_not_bounded(room: Room) -> None:
    assert [page_of(room, None).transport.closed for _ in range(9)] == [None] * 9


def test_user_of_a_subscribe_that_was_pending_counts(room: Room) -> None:
    browsers = [room.browser() for _ in range(3)]
    for browser in browsers:
        browser.verdict = Pending()
        browser.subscribe("jobs")
        session: Any = browser.session
        room.hub.resolve_authorization(session, Permission(user="ann"))
    assert [each.close_code for each in browsers] == [None, None, 1013]


def test_users_are_not_bounded_by_default() -> None:
    room = Room()
    assert [page_of(room, "ann").transport.closed for _ in range(9)] == [None] * 9


def test_connections_of_a_user_over_the_limit_are_counted_and_logged_a_few_times(
    connect: Open,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    dash_pipe.configure(
        max_connections_per_user=1, authorize=lambda *_: dash_pipe.allow(user="ann")
    )

    def opened() -> Line:
        return connect(open_request=nullcontext)

    def closed() -> int | None:
        line = opened()
        line.send(encode(Subscribe("jobs", None)).encode())
        return end(line)

    first = opened()
    assert first.subscribe("jobs")["type"] == "subscribed"
    assert [closed() for _ in range(15)] == [1013] * 15
    is_counted("closed_1013", 15)
    assert 1 <= len(lines(caplog)) <= 10
    assert "1013: max_connections_per_user: 1 connections are open already" in lines(caplog)[0]
    assert dash_pipe.stats()["max_connections_per_user_reached"] == 15
    first.sock.close()
    is_counted("connections", 0)
    assert opened().subscribe("jobs")["type"] == "subscribed"


def test_connections_of_a_user_on_asgi_are_bounded() -> None:
    async def main() -> dict[str, Any]:
        async with Server() as one, Server() as two:
            await one.next()
            await two.next()
            assert (await one.subscribe())["type"] == "subscribed"
            two.says(type="subscribe", channel="jobs", labels=None)
            return await two.next()

    dash_pipe.configure(
        max_connections_per_user=1, authorize=lambda *_: dash_pipe.allow(user="ann")
    )
    close = asyncio.run(main())
    assert (close["type"], close["code"]) == ("websocket.close", 1013)
