"""The limits per second: handshakes and polls of an address, frames of a connection."""

import asyncio
import json
from typing import Any

import dash
import httpx
import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.auth import rates
from dash_pipe.auth.origin import RequestHead
from dash_pipe.auth.rates import Rates
from dash_pipe.endpoint import poll as poll_module
from dash_pipe.endpoint.http import HttpRequest
from dash_pipe.endpoint.poll import poll
from dash_pipe.hub.authorization import Pending, Permission
from dash_pipe.hub.hub import MAX_FRAMES
from dash_pipe.hub.opening_pace import BURST
from dash_pipe.hub.policy import Policy
from dash_pipe.protocol import MAX_CHANNELS, MAX_REPLAYS
from dash_pipe.telemetry.bucket import Bucket
from dash_pipe.transports.asgi import AsgiApp
from unit.asgi_server import Server
from unit.fakes import Clock, MirrorRoom, Room

pytestmark = pytest.mark.usefixtures("fresh_runtime")


def count(bucket: Bucket, now: float, rate: float) -> int:
    """Return how many it lets pass now."""
    return sum(bucket.take(now, rate) for _ in range(100))


def test_bucket_lets_ten_seconds_pass_at_once_and_the_rate_after_that() -> None:
    bucket = Bucket(0.0)
    assert [count(bucket, now, 3) for now in (0, 0, 1, 2.5, 1e6)] == [30, 0, 3, 4, 30]


def test_bucket_has_a_reserve_and_takes_what_is_given_back() -> None:
    bucket = Bucket(0.0, 7)
    assert count(bucket, 0, 0.1) == 7
    bucket.give_back()
    assert count(bucket, 0, 0.1) == 1


def handshake(peer: str | None, forwarded: str = "") -> RequestHead:
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    return RequestHead(headers, is_websocket=True, peer=peer)


def test_rates_are_those_of_each_address_and_each_kind(clock: Clock) -> None:
    dash_pipe.configure(handshake_rate=0.2, poll_rate=0.1, trusted_proxies=["10.0.0.0/8"])
    limits = Rates(runtime.current(), clock)

    def found(head: RequestHead, times: int = 4) -> list[bool]:
        return [limits.rejection(head) is None for _ in range(times)]

    assert found(handshake("203.0.113.7")) == [True, True, False, False]
    assert found(handshake("203.0.113.8")) == [True, True, False, False]
    assert found(handshake("10.1.1.1", "203.0.113.9")) == [True, True, False, False]
    assert found(RequestHead({}, peer="203.0.113.7")) == [True, False, False, False]
    assert found(handshake(None)) == [True] * 4
    clock.now += 5
    assert found(handshake("203.0.113.7")) == [True, False, False, False]
    numbers = dash_pipe.stats()
    assert (numbers["handshake_rate_reached"], numbers["poll_rate_reached"]) == (9, 3)


def test_addresses_that_are_counted_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MAX_ADDRESSES", 3)
    limits = Rates(runtime.current())
    for number in range(9):
        limits.rejection(handshake(f"203.0.113.{number}"))
    assert [address for _, address in limits._buckets] == [f"203.0.113.{n}" for n in (6, 7, 8)]


def test_limit_that_a_proxy_reaches_for_all_is_said_once(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    dash_pipe.configure(handshake_rate=0.1)
    limits = Rates(runtime.current(), clock)
    for number in range(5):
        limits.rejection(handshake("10.1.1.1", f"203.0.113.{number}"))
    assert ["trusted_proxies" in each for each in caplog.messages] == [True]


@pytest.mark.parametrize(("rate", "closed"), [(0.1, [False, True, True]), (1000.0, [False] * 3)])
def test_handshakes_of_one_address_are_bounded_and_of_others_not(
    rate: float, closed: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    def hook(_: Any) -> None:
        called.append(True)

    async def connect(address: str) -> bool:
        """Return whether the websocket is closed with 1013."""
        async with Server(client=(address, 5)) as server:
            await server.next()  # websocket.accept
            server.says(type="subscribe", channel="jobs", labels=None)
            event = await server.next()
            return event.get("code") == 1013

    async def main() -> list[bool]:
        found = [await connect("203.0.113.7") for _ in range(3)]
        assert not await connect("203.0.113.8")
        return found

    called: list[bool] = []
    dash_pipe.configure(handshake_rate=rate, authorize=lambda *_: hook(None) or True)
    assert asyncio.run(main()) == closed
    assert dash_pipe.stats()["closed_1013"] == sum(closed)
    assert dash_pipe.stats()["handshake_rate_reached"] == sum(closed)
    assert sum("handshake_rate: this address" in text for text in caplog.messages) == sum(closed)


def polls_on_asgi(address: str) -> list[int]:
    async def main() -> list[int]:
        transport = httpx.ASGITransport(AsgiApp(), client=(address, 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://app.org") as client:
            return [(await client.post("/poll", content=b"[]")).status_code for _ in range(3)]

    return asyncio.run(main())


def polls_on_wsgi(address: str) -> list[int]:
    app = dash.Dash("app")
    app.layout = []
    client, peer = app.server.test_client(), {"REMOTE_ADDR": address}
    return [client.post("/_pipe/poll", data="[]", environ_base=peer).status_code for _ in range(3)]


@pytest.mark.parametrize("polls", [polls_on_asgi, polls_on_wsgi])
def test_polls_of_one_address_are_bounded_and_of_others_not(polls: Any) -> None:
    dash_pipe.configure(poll_rate=0.2)
    assert polls("203.0.113.7") == [200, 200, 503]
    assert polls("203.0.113.7") == [503] * 3
    assert polls("203.0.113.8") == [200, 200, 503]
    assert dash_pipe.stats()["poll_rate_reached"] == 5


def test_browser_that_sends_too_many_frames_is_closed_and_others_are_not() -> None:
    room = Room(policy=Policy(frame_rate=100.0))
    flooding, other = room.browser(), room.browser()
    for _ in range(1000):
        flooding.says(type="unsubscribe", channel="jobs")
    other.subscribe("jobs")
    assert flooding.close_code is None
    flooding.says(type="unsubscribe", channel="jobs")
    assert flooding.close_code == 1013
    assert flooding.transport.closed is not None
    assert flooding.transport.closed[1].startswith("frame_rate: more than 100 frames a second")
    assert other.subscribe("news")[0]["type"] == "subscribed"
    assert room.hub._traffic.numbers()["frame_rate_reached"] == 1


def test_browser_that_opens_too_many_channels_is_counted() -> None:
    room = Room()
    browser = room.browser()
    for number in range(1000):
        if browser.close_code is not None:
            break
        browser.subscribe(f"c{number}")
        browser.says(type="unsubscribe", channel=f"c{number}")
    assert browser.close_code == 1013
    assert room.hub._traffic.numbers()["channel_rate_reached"] == 1
    assert room.hub._traffic.numbers()["frame_rate_reached"] == 0


def test_parked_frames_of_a_browser_that_is_disconnected_are_dropped(mirrored: MirrorRoom) -> None:
    browser = mirrored.browser()
    mirrored.broker.open("news")
    mirrored.broker.load("news", "e")
    for _ in range(BURST - 1):
        browser.subscribe("news")
        browser.says(type="unsubscribe", channel="news")
    browser.subscribe("jobs")  # the last that it may open now; its frames wait for the log
    browser.says(type="unsubscribe", channel="jobs")
    for _ in range(3):
        browser.subscribe("jobs")
    mirrored.load("e", "a")
    assert browser.close_code == 1013
    assert mirrored.hub._traffic.numbers()["channel_rate_reached"] == 1


def test_browser_within_the_frame_rate_goes_on() -> None:
    room = Room(policy=Policy(frame_rate=100.0))
    browser = room.browser()
    for _ in range(30):
        room.clock.now += 1
        for _ in range(100):
            browser.says(type="unsubscribe", channel="jobs")
    assert browser.close_code is None


def test_page_with_all_channels_and_replays_is_below_every_frame_rate() -> None:
    assert MAX_FRAMES >= 2 * MAX_CHANNELS + MAX_REPLAYS
    room = Room(policy=Policy(frame_rate=0.001))
    browser = room.browser()
    for number in range(MAX_FRAMES):
        browser.subscribe(f"c{number % MAX_CHANNELS}")
    assert browser.close_code is None


def test_pong_that_lets_messages_flow_is_not_counted() -> None:
    room = Room(policy=Policy(frame_rate=0.001))
    browser = room.browser()
    browser.subscribe("jobs")
    for _ in range(MAX_FRAMES + 10):
        room.send("jobs", "x" * 66_000)
        pings = [frame["n"] for frame in browser.transport.take() if frame["type"] == "ping"]
        browser.pong(pings[-1])
    assert browser.close_code is None


def test_frames_that_waited_for_authorize_are_counted_once() -> None:
    room = Room()
    browser = room.browser()
    browser.says(type="unsubscribe", channel="a")
    browser.verdict = Pending()
    browser.subscribe("jobs")
    browser.says(type="unsubscribe", channel="a")
    assert browser.connection is not None
    room.hub.resolve_authorization(browser.connection.session, Permission())
    assert room.hub._traffic.frames_received == 3


def test_flood_of_triplets_is_closed_and_each_is_counted_once() -> None:
    room = Room(policy=Policy(frame_rate=1.0, dpd_frames=True))
    browser = room.browser(None)
    triplet = {"type": "connection_triplet", "uid": "x" * 300, "channel_name": "jobs"}
    for _ in range(MAX_FRAMES - 1):
        browser.says(**triplet)
    browser.subscribe("jobs")
    assert browser.close_code is None
    assert room.hub._traffic.frames_received == MAX_FRAMES
    browser.says(**triplet)
    assert browser.close_code == 1013


def test_largest_poll_is_below_every_frame_rate() -> None:
    frames = [{"type": "unsubscribe", "channel": "jobs"}] * poll_module.MAX_FRAMES
    request = HttpRequest("POST", "poll", {}, json.dumps(frames).encode())
    policy = Policy(frame_rate=0.001)
    found = poll(request, runtime.current().broker, policy, 2.0, lambda *_: Permission())
    assert found.status == 200
