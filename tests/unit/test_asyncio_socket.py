import asyncio
import contextlib
import json
from typing import Any

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State

import dash_pipe
from dash_pipe.protocol import Close
from harness.wait import TIMEOUT
from unit.fakes import Room
from unit.page import Page, run_with_page, subscription, with_page


@pytest.mark.parametrize("subprotocols", [["dash-pipe.v1"], ["v9", "dash-pipe.v1"], []])
def test_handshake_with_supported_or_no_subprotocol_opens(
    room: Room, subprotocols: list[str]
) -> None:
    def test(page: Page) -> None:
        assert page.ws.state is State.OPEN
        assert page.ws.subprotocol == ("dash-pipe.v1" if subprotocols else None)
        assert page.ws.extensions == []
        assert len(room.hub) == 1
        assert page.subscribe()[0]["type"] == "subscribed"

    run_with_page(room, test, subprotocols=subprotocols)


def test_handshake_with_unsupported_version_closes_with_4406(room: Room) -> None:
    def test(page: Page) -> None:
        assert page.close_code == 4406
        assert len(room.hub) == 0
        assert page.deliver(Frame(Opcode.TEXT, subscription()).serialize(mask=True)) == []

    run_with_page(room, test, subprotocols=["dash-pipe.v9"])


def test_rejection_closes_with_its_code_and_reason(room: Room) -> None:
    def test(page: Page) -> None:
        assert page.closed == (4403, "why")
        assert len(room.hub) == 0
        page.deliver(b"".join(page.ws.data_to_send()))
        assert page.transport.closed

    run_with_page(room, test, rejection=(Close.ORIGIN, "why"))


@pytest.mark.parametrize("code", list(Close))
def test_close_sends_its_code_and_reason_once(room: Room, code: Close) -> None:
    def test(page: Page) -> None:
        page.connection.close(code, "bye")
        page.connection.close(Close.GOING_AWAY, "again")
        page.read()
        assert page.closed == (code, "bye")

    run_with_page(room, test)


@with_page
def test_message_bytes_are_shared_between_browsers(room: Room, page: Page) -> None:
    page.subscribe()
    other = Page(room)
    other.subscribe()
    room.send("jobs", "é \N{ROCKET}" * 500)
    (mine,), (others,) = page.transport.written, other.transport.written
    assert mine is others
    (event,) = page.read()
    assert json.loads(event.data)["messages"][0][2] == "é \N{ROCKET}" * 500


@with_page
def test_fragmented_text_is_reassembled(room: Room, page: Page) -> None:
    text = subscription()
    assert page.sends(page.ws.send_text, text[:5], fin=False) == []
    assert page.sends(page.ws.send_continuation, text[5:20], fin=False) == []
    page.sends(page.ws.send_ping, b"between")
    assert page.sends(page.ws.send_continuation, text[20:], fin=True)[0]["type"] == "subscribed"
    assert page.subscribe("prices")[0]["channel"] == "prices"


@with_page
def test_frame_received_byte_by_byte_is_answered_once(room: Room, page: Page) -> None:
    page.ws.send_text(subscription())
    data = b"".join(page.ws.data_to_send())
    answers = [page.deliver(data[at : at + 1]) for at in range(len(data))]
    assert [len(answer) for answer in answers] == [0] * (len(data) - 1) + [1]


@with_page
def test_several_frames_in_one_read_are_answered_in_order(room: Room, page: Page) -> None:
    for channel in "abc":
        page.ws.send_text(subscription(channel))
    answers = page.deliver(b"".join(page.ws.data_to_send()))
    assert [answer["channel"] for answer in answers] == ["a", "b", "c"]


@with_page
def test_websocket_ping_is_answered_with_a_pong(room: Room, page: Page) -> None:
    page.ws.send_ping(b"there?")
    buffer = b"".join(page.ws.data_to_send())
    page.connection.get_buffer(-1)[: len(buffer)] = buffer
    page.connection.buffer_updated(len(buffer))
    (pong,) = page.read()
    assert (pong.opcode, pong.data) == (Opcode.PONG, b"there?")


@with_page
def test_binary_frame_closes_with_1003(room: Room, page: Page) -> None:
    page.sends(page.ws.send_binary, b"\0")
    assert page.close_code == 1003


@with_page
def test_unmasked_frame_closes_with_1002(room: Room, page: Page) -> None:
    page.deliver(Frame(Opcode.TEXT, b"{}").serialize(mask=False))
    assert page.close_code == 1002


@with_page
def test_invalid_utf8_closes_with_1007(room: Room, page: Page) -> None:
    data = Frame(Opcode.TEXT, b"\xff").serialize(mask=True)
    page.deliver(data)
    assert page.close_code == 1007


@with_page
def test_frame_over_8_kib_closes_with_1009(room: Room, page: Page) -> None:
    text = subscription().ljust(8192)
    assert page.sends(page.ws.send_text, text)[0]["type"] == "subscribed"
    page.sends(page.ws.send_text, text + b" ")
    assert page.close_code == 1009


@with_page
def test_fragments_over_8_kib_in_total_close_with_1009(room: Room, page: Page) -> None:
    page.sends(page.ws.send_text, b" " * 5000, fin=False)
    page.sends(page.ws.send_continuation, b" " * 5000, fin=False)
    assert page.close_code == 1009
    assert len(page.connection._framing._text) <= 8192


@with_page
def test_paused_writing_pauses_reading(room: Room, page: Page) -> None:
    page.connection.pause_writing()
    assert page.transport.paused
    page.connection.resume_writing()
    assert not page.transport.paused


def test_pending_authorization_pauses_reading(room: Room) -> None:
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
    asyncio.run(asyncio.wait_for(main(), TIMEOUT))
