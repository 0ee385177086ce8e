"""The former Pipe's frames, on a hub that knows nothing of them."""

import asyncio
import json
from typing import Any

import pytest

import dash_pipe
from dash_pipe.legacy import MAX_PINGS, MAX_UIDS, FormerOutlet, is_triplet
from dash_pipe.log import Limits
from unit.asgi_server import Server
from unit.fakes import Room
from unit.test_protocol import vectors


class Page:
    """A page of former Pipes on a hub."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.browser = room.browser()
        assert self.browser.session is not None
        self.said: list[str] = []
        self.outlet = FormerOutlet(self.browser.session.outlet, self.said.append)
        self.browser.session.outlet = self.outlet

    def hears(self, triplet: dict[str, Any]) -> None:
        self.outlet.hears(json.dumps(triplet))
        self.settle()

    def settle(self) -> None:
        assert self.browser.session is not None
        while self.said:
            self.room.hub.receive(self.browser.session, self.said.pop(0))

    def listens(self) -> set[str]:
        assert self.browser.session is not None
        return set(self.browser.session.subscriptions)

    def take(self) -> list[dict[str, Any]]:
        return self.browser.outlet.take()


def triplet(uid: str, channel: str = "jobs", label: str | None = "a") -> dict[str, Any]:
    return {"type": "connection_triplet", "uid": uid, "label": label, "channel_name": channel}


@vectors("former")
def test_vector(vector: dict[str, Any], room: Room) -> None:
    room.send("jobs", "what was before")
    page = Page(room)
    for frame in vector["hears"]:
        assert is_triplet(json.dumps(frame))
        page.hears(frame)
    for channel, label, value in vector["sent"]:
        room.send(channel, value, label=label)
    assert page.take() == vector["says"]


@pytest.mark.parametrize(
    "text", ['{"type":"subscribe"}', "connection_triplet", '["connection_triplet"]', '"x"']
)
def test_what_is_none(text: str) -> None:
    assert not is_triplet(text)


def test_a_page_that_is_full_forgets_the_oldest_uid(room: Room) -> None:
    page = Page(room)
    for number in range(MAX_UIDS):
        page.hears(triplet(f"u{number}", label=f"l{number % 40}"))
    page.hears(triplet("new", "prices"))
    assert page.listens() == {"jobs", "prices"}
    room.send("jobs", 1, label="l1")
    room.send("prices", 2)
    assert [frame["value"] for frame in page.take()] == [1, 2]


def test_a_channel_that_nobody_wants_is_left(room: Room) -> None:
    page = Page(room)
    page.hears(triplet("u1"))
    page.hears(triplet("u1", "prices"))
    assert page.listens() == {"prices"}


def test_a_page_that_takes_nothing_is_not_sent_everything() -> None:
    room = Room(Limits(bytes=2**30))
    page = Page(room)
    page.hears(triplet("u1"))
    sent = 0
    for _ in range(2 * MAX_PINGS):
        room.send("jobs", "x" * 33_000)
        room.send("jobs", "x" * 33_000)
        page.settle()
        sent += len(page.take())
    assert 2 * MAX_PINGS <= sent <= 2 * MAX_PINGS + 4
    page.hears(triplet("u1"))  # it lives: what waited in the log follows
    assert len(page.take()) == 4 * MAX_PINGS - sent


def test_a_page_whose_triplets_come_stays(room: Room) -> None:
    page = Page(room)
    for _ in range(10):
        page.hears(triplet("u1"))
        room.clock.now += 24
        room.hub.beat()
        page.settle()
    assert page.browser.close_code is None


def test_through_the_endpoint_and_nothing_is_sent_on() -> None:
    async def main() -> None:
        async with Server(subprotocols=[]) as server:
            assert (await server.next())["subprotocol"] is None
            server.says(**triplet("u1"))
            server.says(type="pipe.value", label="a", value="from a browser", channel_name="jobs")
            await server.handled()
            dash_pipe.send_to_pipe_channel("jobs", "a", {"x": 1})
            frame = await server.frame()
            assert frame == {
                "type": "pipe.value",
                "label": "a",
                "value": {"x": 1},
                "channel_name": "jobs",
            }

    asyncio.run(main())
