import asyncio
import contextlib
import json
from typing import Any

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State

import dash_pipe
from dash_pipe.protocol import Close
from unit.fakes import Room
from unit.page import Page, on_a_loop, subscription, talks


@pytest.mark.parametrize("subprotocols", [["dash-pipe.v1"], ["v9", "dash-pipe.v1"], []])
def test_the_handshake(room: Room, subprotocols: list[str]) -> None:
    def test(page: Page) -> None:
        assert page.ws.state is State.OPEN
        assert page.ws.subprotocol == ("dash-pipe.v1" if subprotocols else None)
        assert page.ws.extensions == []
        assert len(room.hub) == 1
        assert page.subscribe()[0]["type"] == "subscribed"

    talks(room, test, subprotocols=subprotocols)


def test_another_version_only(room: Room) -> None:
    def test(page: Page) -> None:
        assert page.close_code == 4406
        assert len(room.hub) == 0
        assert page.deliver(Frame(Opcode.TEXT, subscription()).serialize(mask=True)) == []

    talks(room, test, subprotocols=["dash-pipe.v9"])


def test_a_refusal_is_told_by_the_close_code(room: Room) -> None:
    def test(page: Page) -> None:
        assert page.closed == (4403, "why")
        assert len(room.hub) == 0
        page.deliver(b"".join(page.ws.data_to_send()))
        assert page.transport.closed

    talks(room, test, rejection=(Close.ORIGIN, "why"))


@pytest.mark.parametrize("code", list(Close))
def test_every_close_code_can_be_sent(room: Room, code: Close) -> None:
    def test(page: Page) -> None:
        page.connection.close(code, "bye")
        page.connection.close(Close.GOING_AWAY, "again")
        page.read()
        assert page.closed == (code, "bye")

    talks(room, test)


@on_a_loop
def test_messages_go_out_as_bytes_that_are_shared(room: Room, page: Page) -> None:
    page.subscribe()
    other = Page(room)
    other.subscribe()
    room.send("jobs", "é \N{ROCKET}" * 500)
    (mine,), (others,) = page.transport.written, other.transport.written
    assert mine is others
    (event,) = page.read()
    assert json.loads(event.data)["messages"][0][2] == "é \N{ROCKET}" * 500


@on_a_loop
def test_text_in_parts(room: Room, page: Page) -> None:
    text = subscription()
    assert page.sends(page.ws.send_text, text[:5], fin=False) == []
    assert page.sends(page.ws.send_continuation, text[5:20], fin=False) == []
    page.sends(page.ws.send_ping, b"between")
    assert page.sends(page.ws.send_continuation, text[20:], fin=True)[0]["type"] == "subscribed"
    assert page.subscribe("prices")[0]["channel"] == "prices"


@on_a_loop
def test_bytes_one_by_one(room: Room, page: Page) -> None:
    page.ws.send_text(subscription())
    data = b"".join(page.ws.data_to_send())
    answers = [page.deliver(data[at : at + 1]) for at in range(len(data))]
    assert [len(answer) for answer in answers] == [0] * (len(data) - 1) + [1]


@on_a_loop
def test_several_frames_at_once(room: Room, page: Page) -> None:
    for channel in "abc":
        page.ws.send_text(subscription(channel))
    answers = page.deliver(b"".join(page.ws.data_to_send()))
    assert [answer["channel"] for answer in answers] == ["a", "b", "c"]


@on_a_loop
def test_a_ping_of_the_websocket_is_answered(room: Room, page: Page) -> None:
    page.ws.send_ping(b"there?")
    buffer = b"".join(page.ws.data_to_send())
    page.connection.get_buffer(-1)[: len(buffer)] = buffer
    page.connection.buffer_updated(len(buffer))
    (pong,) = page.read()
    assert (pong.opcode, pong.data) == (Opcode.PONG, b"there?")


@on_a_loop
def test_binary_is_not_spoken(room: Room, page: Page) -> None:
    page.sends(page.ws.send_binary, b"\0")
    assert page.close_code == 1003


@on_a_loop
def test_what_is_no_websocket(room: Room, page: Page) -> None:
    page.deliver(Frame(Opcode.TEXT, b"{}").serialize(mask=False))
    assert page.close_code == 1002


@on_a_loop
def test_text_that_is_no_utf8(room: Room, page: Page) -> None:
    data = Frame(Opcode.TEXT, b"\xff").serialize(mask=True)
    page.deliver(data)
    assert page.close_code == 1007


@on_a_loop
def test_a_frame_of_8_kib_is_heard_and_a_larger_one_is_not(room: Room, page: Page) -> None:
    text = subscription().ljust(8192)
    assert page.sends(page.ws.send_text, text)[0]["type"] == "subscribed"
    page.sends(page.ws.send_text, text + b" ")
    assert page.close_code == 1009


@on_a_loop
def test_parts_add_up_to_8_kib(room: Room, page: Page) -> None:
    page.sends(page.ws.send_text, b" " * 5000, fin=False)
    page.sends(page.ws.send_continuation, b" " * 5000, fin=False)
    assert page.close_code == 1009
    assert len(page.connection._framing._text) <= 8192


@on_a_loop
def test_who_does_not_read_is_not_heard(room: Room, page: Page) -> None:
    page.connection.pause_writing()
    assert page.transport.paused
    page.connection.resume_writing()
    assert not page.transport.paused


def test_a_socket_with_a_pending_authorization_is_not_read(room: Room) -> None:
    thinking = asyncio.Event()

    async def authorize(*_: Any) -> bool:
        await thinking.wait()
        return True

    async def main() -> None:
        page = Page(room, open_request=contextlib.nullcontext)
        page.ws.send_text(subscription("jobs"))
        page.ws.send_text(subscription("prices"))
        assert page.deliver(b"".join(page.ws.data_to_send())) == []
        assert page.transport.paused
        thinking.set()
        while page.transport.paused:
            await asyncio.sleep(0)
        answers = [json.loads(event.data) for event in page.read()]
        assert [answer["channel"] for answer in answers] == ["jobs", "prices"]

    dash_pipe.configure(authorize=authorize)
    asyncio.run(asyncio.wait_for(main(), 10))
