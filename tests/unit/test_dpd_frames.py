"""Frames of the Pipe of django-plotly-dash, translated for the hub."""

import asyncio
import json
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from websockets.frames import Opcode

import dash_pipe
from dash_pipe import runtime
from dash_pipe.hub.dpd_frames import (
    MAX_UIDS,
    MAX_UNSEEN,
    SILENCE,
    DpdTransport,
    DpdValues,
    is_triplet,
    value_frame,
)
from dash_pipe.hub.policy import Policy
from dash_pipe.log import Batch, Limits
from dash_pipe.protocol import MAX_BATCH_BYTES, Frame, messages, ping
from dash_pipe.transports.thread_hub import ThreadHub
from dash_pipe.transports.thread_socket import ThreadSocket
from harness.wait import TIMEOUT
from unit.asgi_server import Server
from unit.fakes import Room, Transport, kinds, values
from unit.line import Line
from unit.test_protocol import vectors

WITH_DPD = Policy(dpd_frames=True)


@pytest.fixture
def room() -> Room:
    return Room(policy=WITH_DPD)


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Accept the frames in this process."""
    monkeypatch.setenv("DASH_PIPE_DPD_FRAMES", "1")
    with runtime.swapped(runtime.Runtime()):
        yield


class Page:
    """A page with Pipes of django-plotly-dash."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.browser = room.browser(subprotocol=None)

    def hears(self, triplet: dict[str, Any]) -> None:
        assert self.browser.connection is not None
        self.browser.connection.receive(json.dumps(triplet))

    @property
    def session(self) -> Any:
        assert self.browser.session is not None
        return self.browser.session

    def listens(self) -> set[str]:
        return set(self.session.subscriptions)

    def settle(self) -> None:
        """Flush the hub until it wakes no more."""
        wakes = -1
        while wakes != self.room.wakes:
            wakes = self.room.wakes
            self.room.hub.flush()

    def take(self) -> list[dict[str, Any]]:
        self.settle()
        return self.browser.transport.take()


def triplet(uid: str, channel: str = "jobs", label: str | None = "a") -> dict[str, Any]:
    return {"type": "connection_triplet", "uid": uid, "label": label, "channel_name": channel}


@vectors("former")
def test_shared_vector_of_triplets_gives_its_frames(vector: dict[str, Any], room: Room) -> None:
    room.send("jobs", "what was before")
    page = Page(room)
    for frame in vector["hears"]:
        assert is_triplet(json.dumps(frame))
        page.hears(frame)
    for channel, label, value in vector["sent"]:
        room.send(channel, value, label=label)
    assert page.take() == vector["says"]


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"subscribe"}',
        "connection_triplet",
        '["connection_triplet"]',
        '{"type":"connection_triplet"',
        '"x"',
    ],
)
def test_is_triplet_of_other_text_is_false(text: str) -> None:
    assert not is_triplet(text)


def test_uid_over_the_limit_drops_the_oldest(room: Room) -> None:
    page = Page(room)
    for number in range(MAX_UIDS):
        page.hears(triplet(f"u{number}", label=f"l{number % 40}"))
    page.hears(triplet("new", "prices"))
    assert page.listens() == {"jobs", "prices"}
    room.send("jobs", 1, label="l1")
    room.send("prices", 2)
    assert [frame["value"] for frame in page.take()] == [1, 2]


def test_channel_without_a_uid_is_unsubscribed(room: Room) -> None:
    page = Page(room)
    page.hears(triplet("u1"))
    page.hears(triplet("u1", "prices"))
    assert page.listens() == {"prices"}


def test_page_without_new_triplets_is_sent_as_much_as_without_pongs() -> None:
    room = Room(Limits(bytes=2**30), WITH_DPD)
    page, other = Page(room), room.browser()
    page.hears(triplet("u1"))
    other.subscribe("jobs")
    for _ in range(20):
        room.send("jobs", "x" * 33_000)
        page.settle()
    sent = len(page.take())
    assert sent == len(values(other.transport.take())) == MAX_BATCH_BYTES // 33_000 + 1


def test_page_that_uses_its_share_up_may_be_sent_twice_as_much() -> None:
    room = Room(Limits(bytes=2**30), WITH_DPD)
    page = Page(room)
    page.hears(triplet("u1"))
    room.publish("jobs", *["x" * 1000] * 5_000)
    sizes = []
    for _ in range(7):
        sizes.append(1000 * len(page.take()))
        page.hears(triplet("u1"))
    assert sizes == sorted(sizes)
    for before, after in pairwise(sizes[:5]):
        assert 1.4 * before < after < 2.6 * before
    assert sizes[-1] == pytest.approx(MAX_UNSEEN, rel=0.15)


def test_silent_pages_cost_one_encoding_per_message(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[str] = []

    def counted(channel: str, row: str) -> tuple[str, Frame]:
        encoded.append(row)
        return value_frame(channel, row)

    monkeypatch.setattr("dash_pipe.hub.dpd_frames.value_frame", counted)
    room = Room(Limits(bytes=2**30), WITH_DPD)
    pages = [Page(room) for _ in range(300)]
    for number, page in enumerate(pages):
        page.hears(triplet("u1"))
        page.hears(triplet("u2", label=f"own {number}"))  # so no two of them share their rows
    for number in range(200):
        room.send("jobs", [number, "x" * 1000])
        if number == 20:
            pages[0].hears(triplet("u1"))
    for page in pages:
        page.settle()
        sent = sum(len(frame.text) for frame in page.browser.transport.frames)
        assert MAX_BATCH_BYTES / 2 < sent < 2 * MAX_BATCH_BYTES
    assert len(encoded) == len(set(encoded)) < 200


def test_deep_value_reaches_every_listener(room: Room) -> None:
    page, other = Page(room), room.browser()
    page.hears(triplet("u1"))
    other.subscribe("jobs")
    deep = 20_000 * "[" + 20_000 * "]"
    room.broker.publish("jobs", "a", deep)
    room.hub.flush()
    for transport in (page.browser.transport, other.transport):
        (text,) = [frame.text for frame in transport.frames if deep in frame.text]
        transport.frames.clear()
        assert text.startswith('{"type":')
    room.send("jobs", 1)
    assert [frame["value"] for frame in page.take()] == [1]
    assert values(other.transport.take()) == [1]


@pytest.mark.parametrize("uid", ["", "x" * 201, None, 1, [[]], json.loads("[" * 900 + "]" * 900)])
def test_triplet_with_an_unusable_uid_is_ignored(uid: Any, room: Room) -> None:
    page = Page(room)
    page.hears({**triplet("u1"), "uid": uid})
    assert page.take() == []
    assert not page.listens()


def test_triplet_where_the_frames_are_off_is_a_bad_frame_that_names_the_setting() -> None:
    browser = Room().browser(subprotocol=None)
    (error,) = browser.says(**triplet("u1"))
    assert error["code"] == "bad_frame"
    assert "the setting dpd_frames is off" in error["reason"]
    assert kinds(browser.subscribe("jobs")) == ["subscribed"]


@pytest.mark.parametrize("heartbeat", [1.0, 25.0])
def test_page_without_triplets_for_the_silence_is_closed(heartbeat: float) -> None:
    room = Room(policy=Policy(heartbeat_interval=heartbeat, dpd_frames=True))
    page = Page(room)

    def passes(seconds: float) -> None:
        end = room.clock.now + seconds
        while room.clock.now < end:
            room.clock.now += min(room.hub.beat(), end - room.clock.now)
            page.settle()

    for _ in range(3):
        page.hears(triplet("u1"))
        passes(120)  # a hidden tab has missed one
        assert page.browser.close_code is None
    passes(SILENCE - 120 + 3 * heartbeat)
    assert page.browser.close_code == 4408


def test_hidden_page_that_used_its_share_up_waits_for_its_next_triplet() -> None:
    room = Room(Limits(bytes=2**30), WITH_DPD)
    page = Page(room)
    page.hears(triplet("u1"))
    room.send("jobs", *["x" * 33_000] * 3)
    room.clock.now += 1
    page.settle()
    for _ in range(4):
        room.clock.now += 30
        room.hub.beat()
    assert len(page.take()) == 2
    assert page.browser.close_code is None
    page.hears(triplet("u1"))
    assert len(page.take()) == 1


def test_first_triplet_answers_an_earlier_ping(room: Room) -> None:
    page = Page(room)
    room.clock.now += Policy().heartbeat_interval
    room.hub.beat()
    assert [frame["type"] for frame in page.take()] == ["ping"]
    page.hears(triplet("first"))
    page.take()
    room.clock.now += Policy().heartbeat_interval
    room.hub.beat()
    assert page.browser.transport.closed is None


@pytest.mark.parametrize("kind", ["other frame", "invalid triplet"])
def test_other_frame_is_answered_and_invalid_triplet_ignored(room: Room, kind: str) -> None:
    page = Page(room)
    page.hears({"type": "subscribe"} if kind == "other frame" else triplet("u1", channel=""))
    assert len(page.take()) == (kind == "other frame")


@pytest.mark.usefixtures("allowed")
def test_thread_socket_delivers_more_than_flow_control_allows() -> None:
    line = Line()
    hub = ThreadHub(runtime.current())
    hub.start()
    browser = ThreadSocket(hub, line.theirs, line.handshake, None, None)
    thread = threading.Thread(target=browser.serve, daemon=True)
    thread.start()
    line.next()
    line.ws.send_text(json.dumps(triplet("u1")).encode())
    line.ws.send_ping(b"heard?")
    line.flush()
    assert line.next().opcode is Opcode.PONG
    for number in range(10):  # more than goes out before a ping is answered
        dash_pipe.send_to_pipe_channel("jobs", "a", [number, "x" * 60_000])
    for number in range(10):
        assert line.frame()["value"][0] == number
        line.ws.send_text(json.dumps(triplet("u1")).encode())
        line.flush()
    line.sock.close()
    thread.join(TIMEOUT)
    line.theirs.close()


@pytest.mark.usefixtures("allowed")
def test_asgi_endpoint_delivers_values_and_ignores_the_browsers() -> None:
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


def test_ping_during_a_pong_is_answered_by_the_next_triplet() -> None:
    transport = DpdTransport(Transport(), lambda pong: None, lambda: 0.0, DpdValues())
    list(transport.frames(json.dumps(triplet("u1"))))
    big = messages("jobs", Batch([f'[1,"a","{MAX_UNSEEN * "x"}",0.0]'], 1, [], "e"))
    transport.send(big)
    transport.send(ping(1, {}))
    pongs = transport.frames(json.dumps(triplet("u1")))
    assert json.loads(next(pongs))["n"] == 1
    transport.send(big)  # as the hub does when it hears the pong
    transport.send(ping(2, {}))
    list(pongs)
    assert json.loads(next(transport.frames(json.dumps(triplet("u1")))))["n"] == 2


def test_no_subprotocol_speaks_version_1_until_a_triplet_comes(
    room: Room,
) -> None:
    browser = room.browser(subprotocol=None)
    assert kinds(browser.subscribe("jobs")) == ["subscribed"]
    room.send("jobs", 1)
    assert values(browser.transport.take()) == [1]
    browser.says(**triplet("u1", "prices"))
    room.send("prices", 2)
    assert kinds(browser.transport.take()) == ["pipe.value"]


def test_triplet_with_subprotocol_is_a_bad_frame(room: Room) -> None:
    browser = room.browser()
    (error,) = browser.says(**triplet("u1"))
    assert error["code"] == "bad_frame"
    assert browser.session is not None
    assert not browser.session.subscriptions
