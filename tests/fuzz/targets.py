"""The targets of the fuzz: each takes an input, and says what has to hold then."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Any

import pytest
from itsdangerous import URLSafeSerializer
from redis.exceptions import RedisError

from dash_pipe import brokers
from dash_pipe.auth.allowance import MAX_CALLS
from dash_pipe.auth.channel_token import (
    ChannelToken,
    InvalidTokenError,
    sign_token,
    verify_token,
)
from dash_pipe.brokers.redis.broker import RedisBroker
from dash_pipe.brokers.redis.commands import head, reading
from dash_pipe.endpoint import poke
from dash_pipe.endpoint.http import HttpRequest
from dash_pipe.endpoint.poll import poll
from dash_pipe.errors import BrokerUnavailableError, DashPipeError
from dash_pipe.hub.authorization import Permission
from dash_pipe.hub.policy import Policy
from dash_pipe.log import Limits
from dash_pipe.protocol import MAX_FRAME_BYTES, SUBPROTOCOL
from dash_pipe.runtime import Runtime
from dash_pipe.settings import resolve
from dash_pipe.settings.table import TABLE
from dash_pipe.transports.framing import Framing
from fuzz.mutate import Mutator
from unit.fakes import Room
from unit.vectors import VECTORS

FRAMES = [json.loads(each["text"]) for each in VECTORS["from_browser"] if "frame" in each]
TRIPLET = {"type": "connection_triplet", "uid": "u1", "label": "a", "channel_name": "jobs"}
MESSAGE = {
    "channel_name": "jobs",
    "label": "a",
    "value": {"deep": [1, None, "é"]},
    "message_id": "m",
}
ERRORS = {
    "bad_frame",
    "too_many_labels",
    "too_many_channels",
    "denied",
    "not_subscribed",
    "too_many_replays",
}
FRAMES_A_BROWSER = 40  # then another one comes
MASK = b"\x01\x02\x03\x04"


def check_bound(room: Room) -> None:
    """Check that a broker keeps no more channels than it may, and those that are in use."""
    broker = room.broker
    assert len(broker._open) <= 2
    assert len(broker._empty) <= 100
    assert len(broker._used) <= 100


class Frames:
    """Frames of browsers on a hub where another browser listens.

    Args:
        dpd: the browsers may be pages of django-plotly-dash.
    """

    def __init__(self, choice: random.Random, *, dpd: bool = False) -> None:
        self._mutator = Mutator(choice, [*FRAMES, TRIPLET] if dpd else FRAMES)
        self._room = Room(Limits(messages=20), Policy(dpd_frames=dpd))
        self._subprotocol = None if dpd else SUBPROTOCOL
        self._listener = self._room.browser()
        self._listener.subscribe("others")
        self._browser = self._room.browser(self._subprotocol)
        self._sent = 0

    def take(self) -> str:
        """Send a frame; return it."""
        text = self._mutator.text()
        if len(text.encode(errors="surrogatepass")) > MAX_FRAME_BYTES:
            return ""  # a transport rejects it
        if self._browser.transport.closed or self._sent % FRAMES_A_BROWSER == 0:
            self._browser.disconnect()
            self._browser = self._room.browser(self._subprotocol)
        self._sent += 1
        assert self._browser.connection is not None
        self._browser.connection.receive(text)
        self._room.send("jobs", self._sent)
        for frame in self._browser.transport.take():
            assert frame["type"] != "error" or frame["code"] in ERRORS, frame
        return text

    def check(self) -> None:
        """Check that the other browser hears, and that nothing is left of those that have gone."""
        self._room.send("others", self._sent)
        frames = list(self._listener.drain())
        rows = [row for frame in frames for row in frame.get("messages", [])]
        assert rows[-1][2] == self._sent, frames
        self._browser.disconnect()
        hub = self._room.hub
        assert len(hub) == 1
        assert {*hub._subscriptions.listeners} == {"others"}
        check_bound(self._room)


class Bytes:
    """Bytes of websockets, from a mutated message in mutated frames."""

    def __init__(self, choice: random.Random) -> None:
        self._choice = choice
        self._mutator = Mutator(choice, FRAMES)
        self._framing = Framing()
        self._left = 0

    def take(self) -> bytes:
        """Take a frame's bytes, in pieces."""
        if not self._left or not self._framing.open:
            self._framing, self._left = Framing(), FRAMES_A_BROWSER
        self._left -= 1
        payload = self._mutator.bytes()[: MAX_FRAME_BYTES + 2]
        data = self._mutator.changed_bytes(self._frame(payload))
        cut = self._choice.randrange(len(data) + 1)
        for piece in (data[:cut], data[cut:]):
            if piece and self._framing.open:
                for text in self._framing.receive(piece):
                    assert len(text) <= MAX_FRAME_BYTES
                self._framing.data_to_send()
        assert len(self._framing._text) <= MAX_FRAME_BYTES
        return data

    def check(self) -> None:
        """Check nothing more."""

    def _frame(self, payload: bytes) -> bytes:
        first = self._choice.choice((0x81, 0x81, 0x81, 0x01, 0x00, 0x80, 0x82, 0x88, 0x89, 0x8A))
        if len(payload) < 126:
            head = bytes([first, 0x80 | len(payload)])
        else:
            head = bytes([first, 0xFE]) + len(payload).to_bytes(2, "big")
        masked = bytes(byte ^ MASK[number % 4] for number, byte in enumerate(payload))
        return head + MASK + masked


class Polls:
    """Bodies of polls, beside a browser that listens on the same broker."""

    def __init__(self, choice: random.Random) -> None:
        self._choice = choice
        self._one = Mutator(choice, FRAMES)
        self._room = Room(Limits(messages=20))
        self._listener = self._room.browser()
        self._listener.subscribe("jobs")
        self._calls = 0
        self._sent = 0

    def take(self) -> bytes:
        """Poll; return the body."""
        frames = [self._one.value() for _ in range(self._choice.choice((0, 1, 2, 3, 10, 60)))]
        body = Mutator(self._choice, [frames]).bytes()
        self._calls = 0
        request = HttpRequest("POST", "poll", body=body)
        answer = poll(request, self._room.broker, Policy(), 2.0, self._authorize)
        assert answer.status in (200, 400, 413), answer
        found = json.loads(answer.body)
        if answer.status == 200:
            assert all(each["type"] != "error" or each["code"] in ERRORS for each in found)
        return body

    def check(self) -> None:
        """Check that the browser hears, and that no poll is left."""
        self._sent += 1
        self._room.send("jobs", self._sent)
        frames = list(self._listener.drain())
        assert frames[-1]["messages"][-1][2] == self._sent
        assert len(self._room.broker._watchers._functions) == 1
        check_bound(self._room)

    def _authorize(self, _subscribe: Any) -> Permission:
        self._calls += 1
        assert self._calls <= 10 * MAX_CALLS
        return Permission()


class Pokes:
    """Requests to publish."""

    def __init__(self, choice: random.Random) -> None:
        self._choice = choice
        self._mutator = Mutator(choice, [MESSAGE, [MESSAGE], [MESSAGE, {**MESSAGE, "label": "b"}]])
        self._headers = Mutator(choice, ["application/json", "Bearer t0ken", "localhost:8050"])
        self._runtime = Runtime({"http_poke_enabled": True, "window_messages": 20})

    def take(self) -> bytes:
        """Send a request; return its body."""
        body = self._mutator.bytes()
        names = ("host", "content-type", "authorization", "origin", "x-forwarded-for")
        headers = {"host": "localhost:8050", "content-type": "application/json"}
        if self._choice.random() < 0.3:
            headers[self._choice.choice(names)] = str(self._headers.value())
        peer = self._choice.choice(("127.0.0.1", "127.0.0.1", "::1", "10.0.0.1", None, "", "x"))
        method = self._choice.choice(("POST", "POST", "POST", "GET", "HEAD", "\x00"))
        answer = poke.answer(self._runtime, HttpRequest(method, "poke/", headers, body, peer))
        assert 200 <= answer.status < 500, answer
        json.loads(answer.body)
        assert all(line.isprintable() for line in answer.headers.values())
        return body

    def check(self) -> None:
        """Check that a valid message is published, and that channels are bounded."""
        body = json.dumps({"channel_name": "jobs", "label": "a", "value": 1}).encode()
        request = HttpRequest("POST", "poke/", {"host": "localhost"}, body, "127.0.0.1")
        assert poke.answer(self._runtime, request).status == 200


REPLY = [b"epoch", b"7", b"1760000000.250", b"e1 3 5;e2 6 ?;"]
HEAD = [b"epoch", b"1", b"mark", b"run", b"", b"", b"0", b"1 0 1 0"]
READING = [[1, 5], HEAD, [1, 0, 1, 0], [b'mark 3 [1,"a",0.5,1760000000.250]'], [], [b'"a"', b"1"]]


def as_reply(value: Any) -> Any:
    """Return a value as a reply of Redis may have it."""
    if isinstance(value, list):
        return [as_reply(each) for each in value]
    if value is None or isinstance(value, bytes | int):
        return value
    return str(value).encode(errors="surrogatepass")


class Replying:
    """A connection to a Redis that replies as it likes; see ``RedisConnection``."""

    server_run = "run"
    is_clean = True

    def __init__(self) -> None:
        self.reply: Any = REPLY

    def run(self, *_: Any, **__: Any) -> Any:
        return self.reply

    def close(self) -> None: ...


class RedisReplies:
    """Replies of Redis' scripts, which senders and the mirrors of a process read."""

    def __init__(self, choice: random.Random) -> None:
        self._mutator = Mutator(choice, [REPLY, HEAD, READING])
        self._connection = Replying()
        connect: Any = lambda _: self._connection  # noqa: E731
        self._broker = RedisBroker(connect, 0, Limits(), 10, 0.0)

    def take(self) -> Any:
        """Read a reply as each script's; return it."""
        reply = self._connection.reply = as_reply(self._mutator.value())
        with suppress(BrokerUnavailableError):
            self._broker.publish("jobs", "a", "1")
        for read in (lambda: head(reply), lambda: reading(0, reply)):
            with suppress(RedisError):
                read()
        return reply

    def check(self) -> None:
        """Check that good replies are read."""
        self._connection.reply = REPLY
        assert self._broker.publish("jobs", "a", "1") == ("epoch", 7)
        assert reading(0, READING).end.offset == 1


KEYS = ("a newer key", "an older key")
END = 2_000_000_000.0


class Tokens:
    """Tokens for protected channels, changed, cut, and signed for something else."""

    def __init__(self, choice: random.Random) -> None:
        content = ChannelToken("jobs", frozenset("ab"), END, 60.0, END)
        self._valid = {sign_token(content, KEYS[at:]): content for at in range(len(KEYS))}
        others = [
            URLSafeSerializer(KEYS[0], salt="cookie").dumps(["jobs", None, END]),
            sign_token(content, ["another key"]),
        ]
        self._choice = choice
        self._mutator = Mutator(choice, [*self._valid, *self._valid, *others])

    def take(self) -> str:
        """Verify a token; return it."""
        text = str(self._choice.choice(self._mutator.corpus))
        for _ in range(self._choice.choice((0, 1, 1, 2))):
            text = self._mutator.cut(text)
        text = self._mutator.changed_bytes(text.encode()).decode(errors="replace")
        try:
            token = verify_token(text, KEYS, END - 1)
        except InvalidTokenError:
            assert text not in self._valid
        else:
            assert token == self._valid[text]
        return text

    def check(self) -> None:
        """Check that the valid tokens end."""
        for text in self._valid:
            with pytest.raises(InvalidTokenError, match="ended"):
                verify_token(text, KEYS, END)


VALUES: dict[str, list[Any]] = {
    "broker": ["memory://", "redis://:secret@localhost:6379/0", "unix:///run/redis?db=1"],
    "allowed_origins": ["https://example.org", ["https://*.example.org:8443"]],
    "allowed_hosts": ["example.org, *.example.org", ["[::1]", "10.0.0.1"]],
    "trusted_proxies": ["10.0.0.0/8, unix", ["::1", "fe80::/10"]],
    "url": ["https://example.org/app/_pipe/", "/app/_pipe", "dpd:", "wss://example.org/_pipe/ws"],
    "authorize": ["jobs:authorize", print],
    "ws_route": ["dpd/ws/channel"],
    "http_route": ["/hooks"],
    "http_poke_token": ["t0ken=="],
    "auto_setup": ["1", True],
}


class SettingValues:
    """Settings by keyword, in the environment and of a project."""

    def __init__(self, choice: random.Random) -> None:
        self._choice = choice
        self._names = [*TABLE, "nonsense", "", "Broker", "é"]

    def take(self) -> Any:
        """Resolve settings; return their sources."""
        sources: tuple[dict[str, Any], dict[str, str], dict[str, Any]] = ({}, {}, {})
        for _ in range(self._choice.choice((1, 1, 2, 4))):
            name = self._choice.choice(self._names)
            mutator = Mutator(self._choice, VALUES.get(name, ["1", 2, 3.5, "no"]))
            value = mutator.value()
            match self._choice.randrange(3):
                case 0:
                    sources[0][name] = value
                case 1:
                    text = value if isinstance(value, str) else repr(value)
                    sources[1][f"DASH_PIPE_{name.upper()}"] = self._changed(text)
                case _:
                    sources[2][name] = (f"DASH_PIPE[{name!r}]", value)
        self._use(*sources)
        return sources

    def check(self) -> None:
        """Check nothing more."""

    def _changed(self, text: str) -> str:
        return Mutator(self._choice, [text]).cut(text) if self._choice.random() < 0.5 else text

    def _use(
        self, keywords: dict[str, Any], environ: dict[str, str], project: dict[str, Any]
    ) -> None:
        shown = ""
        try:
            settings = resolve(keywords, environ, project)
            shown = repr(settings)
            if isinstance(settings.broker, str):
                brokers.check(settings.broker)
                brokers.connect(settings.broker, Limits(), 10)
            assert settings.keeps_messages_in_memory in (True, False)
        except DashPipeError as error:
            shown += str(error)
        assert ":secret@" not in shown, shown
