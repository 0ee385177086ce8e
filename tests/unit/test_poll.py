"""Polls of a browser without a websocket."""

import json
from pathlib import Path
from typing import Any

import pytest

from dash_pipe.endpoint.http import MAX_BODY_BYTES, HttpAnswer, HttpRequest
from dash_pipe.endpoint.poll import MAX_ANSWER_BYTES, MAX_FRAMES, poll
from dash_pipe.hub.authorization import Permission
from dash_pipe.hub.policy import Policy
from dash_pipe.log import Limits
from dash_pipe.protocol import MAX_FRAME_BYTES, Denied, Subscribe
from unit.fakes import Room, kinds, rows, values

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "protocol.json").read_text("utf-8"))

Frames = list[dict[str, Any]]


def anybody(subscribe: Subscribe) -> Permission:
    return Permission()


def ask(room: Room, *frames: object, body: bytes | None = None) -> HttpAnswer:
    request = HttpRequest(
        "POST", "poll", body=json.dumps(frames).encode() if body is None else body
    )
    return poll(request, room.broker, Policy(), 2.0, anybody)


def subscription(channel: str = "jobs", since: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "subscribe", "channel": channel, "labels": None, "since": since, **more}


def replay(channel: str = "jobs", last: int = 1000) -> dict[str, Any]:
    return {"type": "replay", "id": 7, "channel": channel, "labels": None, "last": last}


class Page:
    """A browser's position on one channel, moved as docs/protocol.md describes."""

    def __init__(self, room: Room, labels: list[str] | None = None) -> None:
        self.room = room
        self.labels = labels
        self.since: dict[str, Any] | None = None

    def polls(self, *more: object) -> Frames:
        answer = ask(self.room, subscription(since=self.since, labels=self.labels), *more)
        assert answer.status == 200
        frames: Frames = json.loads(answer.body)
        for frame in frames:
            if frame["type"] == "subscribed" and self.since is None:
                self.since = {"epoch": frame["epoch"], "offset": frame["offset"]}
            if frame["type"] == "messages":
                self.since = {"epoch": frame["epoch"], "offset": frame["upto"]}
        return frames


@pytest.fixture
def page(room: Room) -> Page:
    return Page(room)


@pytest.mark.parametrize(
    "vector", [pytest.param(each, id=each["name"]) for each in VECTORS["polls"]]
)
def test_shared_vector_gives_its_response(
    vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_urlsafe", lambda size: "e1")
    room = Room()
    room.clock.now = 1760000000.25
    for label, value in vector["log"]:
        room.publish("jobs", value, label=label)
    answer = ask(room, body=vector["body"].encode())
    assert (answer.status, json.loads(answer.body)) == (vector["status"], vector["answer"])


def test_poll_returns_messages_since_the_last_poll(room: Room, page: Page) -> None:
    room.publish("jobs", "before")
    assert kinds(page.polls()) == ["subscribed"]
    room.publish("jobs", 1, 2)
    assert values(page.polls()) == [1, 2]
    assert kinds(page.polls()) == ["subscribed"]
    room.publish("jobs", 3)
    assert values(page.polls()) == [3]


def test_messages_of_other_labels_move_the_position(room: Room) -> None:
    page = Page(room, labels=["mine"])
    page.polls()
    room.publish("jobs", 1, 2, label="theirs")
    _, moved = page.polls()
    assert (moved["type"], moved["messages"], moved["upto"]) == ("messages", [], 2)
    assert kinds(page.polls()) == ["subscribed"]


def test_messages_that_left_the_window_are_reported_as_lost(page: Page) -> None:
    page.room = room = Room(Limits(messages=2, labels=1))
    page.polls()
    room.publish("jobs", *range(5))
    subscribed, *frames = page.polls()
    assert subscribed["recovered"] is False
    assert frames[0]["lost"] == [["a", 3]]
    assert values(frames) == [3, 4]


def test_new_epoch_is_reported_as_not_recovered(room: Room, page: Page) -> None:
    room.publish("jobs", "old")
    page.polls()
    page.room = Room()
    page.room.publish("jobs", "new")
    subscribed, *frames = page.polls()
    assert subscribed["recovered"] is False
    assert values(frames) == ["new"]


def test_poll_leaves_no_state(room: Room, page: Page) -> None:
    for _ in range(3):
        page.polls()
    assert room.broker._listeners == {}
    assert room.broker._open == {}
    assert room.broker._watchers._functions == (room.hub.on_append,)


def test_failing_poll_leaves_no_state(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("dash_pipe.hub.subscriptions._subscribe", fails)
    with pytest.raises(ZeroDivisionError):
        ask(room, subscription())
    assert room.broker._listeners == {}
    assert len(room.broker._watchers._functions) == 1


def test_backlog_is_split_over_polls_that_end_with_a_ping(room: Room, page: Page) -> None:
    page.polls()
    room.publish("jobs", *["x" * 50_000] * 60)
    seen: list[int] = []
    for _ in range(10):
        frames = page.polls()
        seen += [row[0] for row in rows(frames)]
        size = sum(len(json.dumps(frame)) for frame in frames)
        assert size < MAX_ANSWER_BYTES + 200_000
        if frames[-1]["type"] != "ping":
            break
    assert seen == list(range(1, 61))
    assert kinds(page.polls()) == ["subscribed"]


def test_flooded_channel_leaves_room_for_others(room: Room) -> None:
    epoch = room.broker.publish("b", "a", "0").epoch
    frames = json.loads(ask(room, subscription("a")).body)
    room.publish("a", *["x" * 60_000] * 100)
    flooded = subscription("a", {"epoch": frames[0]["epoch"], "offset": 0})
    # The quiet channel is served if it is requested first; otherwise by the next poll.
    first = json.loads(ask(room, subscription("b", {"epoch": epoch, "offset": 0}), flooded).body)
    assert [frame["channel"] for frame in first if "channel" in frame][:2] == ["b", "b"]


def test_replay_of_any_size_is_completed_in_one_poll(room: Room, page: Page) -> None:
    room.publish("jobs", *["x" * 60_000] * 30)
    frames = page.polls(replay(), replay())
    parts = [frame for frame in frames if frame["type"] == "replayed"]
    assert [row[0] for row in rows(parts)] == list(range(1, 31))
    assert [part["done"] for part in parts].count(True) == 1
    # The second must wait: it is requested again, at once.
    assert frames[-1]["type"] == "ping"


def test_frames_over_max_frames_wait_for_the_next_poll(room: Room) -> None:
    frames = json.loads(ask(room, *[subscription()] * (MAX_FRAMES + 1)).body)
    assert kinds(frames) == ["subscribed"] * MAX_FRAMES + ["ping"]


def test_heartbeat_is_several_poll_intervals_long(room: Room) -> None:
    request = HttpRequest("POST", "poll", body=json.dumps([subscription()]).encode())
    (frame,) = json.loads(
        poll(request, room.broker, Policy(heartbeat_interval=1), 30.0, anybody).body
    )
    assert frame["heartbeat"] == 150


def test_errors_are_returned_as_frames(room: Room) -> None:
    frames = json.loads(ask(room, {"type": "publish"}, replay(), subscription("x" * 201)).body)
    assert [frame["code"] for frame in frames] == ["bad_frame", "not_subscribed", "bad_frame"]


def test_too_many_channels_get_an_error(room: Room) -> None:
    frames = json.loads(ask(room, *[subscription(f"c{n}") for n in range(129)]).body)
    assert kinds(frames) == ["subscribed"] * 128 + ["error"]
    assert (frames[-1]["code"], frames[-1]["channel"]) == ("too_many_channels", "c128")


def status_and_code(answer: HttpAnswer) -> tuple[int, int]:
    told = json.loads(answer.body)
    assert told["reason"]
    return answer.status, told["code"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{}", b"1", b'"x"', b"null", b"\xff\xfe", b"[" * 100_000, b"[NaN", b"[1"],
)
def test_body_that_is_no_list_returns_400(room: Room, body: bytes) -> None:
    assert status_and_code(ask(room, body=body)) == (400, 4400)


@pytest.mark.parametrize("frame", [1, None, "x", [], [[]], "\ud800", float("nan"), {}])
def test_invalid_frame_gets_a_bad_frame_error(room: Room, frame: object) -> None:
    (told,) = json.loads(ask(room, frame).body)
    assert told["code"] == "bad_frame"


def test_sixteen_bad_frames_return_400(room: Room) -> None:
    assert status_and_code(ask(room, *[1] * 16)) == (400, 4400)


def test_body_or_frame_too_large_is_rejected(room: Room) -> None:
    assert status_and_code(ask(room, body=b" " * (MAX_BODY_BYTES + 1))) == (413, 1009)
    long = subscription(token="\N{ROCKET}" * (MAX_FRAME_BYTES // 4))
    assert status_and_code(ask(room, long)) == (400, 1009)
    short = subscription(token="\N{ROCKET}" * (MAX_FRAME_BYTES // 4 - 50))
    assert ask(room, short).status == 200


@pytest.mark.parametrize("denied", [frozenset(), frozenset("a")])
def test_subscribe_is_answered_as_authorize_decides(room: Room, denied: Denied) -> None:
    asked: list[Subscribe] = []

    def authorize(subscribe: Subscribe) -> Permission:
        asked.append(subscribe)
        return Permission(denied)

    request = HttpRequest(
        "POST", "poll", body=json.dumps([{**subscription(), "labels": ["a"]}]).encode()
    )
    (told,) = json.loads(poll(request, room.broker, Policy(), 2.0, authorize).body)
    assert told["type"] == ("error" if denied else "subscribed")
    assert asked == [Subscribe("jobs", frozenset("a"))]
