"""The commands by which a process tells Redis of its listeners."""

import json
from typing import Any

import pytest

from dash_pipe.brokers.listening import Listening
from dash_pipe.brokers.redis.presence import (
    ALIVE_SECONDS,
    AT_ONCE,
    BEAT_SECONDS,
    KEEP_SECONDS,
    Presence,
    told,
)


class Fake:
    """An audience that the test sets."""

    def __init__(self) -> None:
        self.of: dict[str, Listening] = {}

    def listening(self, channel: str) -> Listening:
        return self.of.get(channel, Listening())


class Told:
    """A presence, and the Redis to which it tells."""

    def __init__(self) -> None:
        self.audience = Fake()
        self.presence = Presence()
        self.hashes: dict[str, Any] = {}
        self.is_known = False
        self.signs = 0

    def set(self, channel: str, listening: Listening) -> None:
        self.audience.of[channel] = listening
        self.presence.note(channel, self.audience)

    def tell(self, now: float, *, fails: bool = False) -> int:
        """Send what is due; return how many commands there were."""
        commands = self.presence.commands(now)
        if not commands or fails:
            return len(commands)
        self.signs += 1
        known, self.is_known = self.is_known, True
        for name, key, *rest in commands[2:]:
            if name == "HSET":
                self.hashes[key] = json.loads(rest[1])
            elif name == "HDEL":
                self.hashes.pop(key)
        self.presence.take(b"OK" if known else None)
        return len(commands)


@pytest.fixture
def process() -> Told:
    return Told()


KEY = "dash-pipe:{c}:listeners"


def test_change_is_told_at_once_and_nothing_more(process: Told) -> None:
    process.is_known = True
    process.set("c", Listening(1, 0, {"a": 1}))
    assert process.presence.has_changes
    assert process.presence.wait(0.0) == 0
    process.tell(0.0)
    assert not process.presence.has_changes
    assert process.hashes == {KEY: [1, 0, {"a": 1}]}
    assert process.presence.wait(0.0) == BEAT_SECONDS < ALIVE_SECONDS / 2
    assert process.tell(0.0) == 0


def test_sign_of_life_is_one_pair_of_commands_whatever_the_channels(process: Told) -> None:
    process.is_known = True
    for number in range(100):
        process.set(f"c{number}", Listening(1, 1))
    process.tell(0.0)
    assert process.tell(BEAT_SECONDS) == 2


def test_nothing_is_told_while_nobody_listens(process: Told) -> None:
    process.is_known = True
    process.set("c", Listening(1, 1))
    process.tell(0.0)
    process.set("c", Listening())
    process.tell(0.1)
    assert process.hashes == {}
    assert process.tell(100.0) == 0
    assert process.presence.wait(0.2) > 1e9


def test_browser_that_came_and_went_is_not_told(process: Told) -> None:
    process.set("c", Listening())
    assert process.tell(0.0) == 2


def test_process_that_redis_has_forgotten_tells_all_again(process: Told) -> None:
    process.set("c", Listening(1, 1))
    process.set("d", Listening(2, 2))
    process.tell(0.0)  # the process is new to Redis
    process.tell(0.0)
    process.hashes, process.is_known = {}, False
    process.tell(BEAT_SECONDS)
    process.tell(BEAT_SECONDS)
    assert process.hashes == {KEY: [1, 1, {}], "dash-pipe:{d}:listeners": [2, 2, {}]}


def test_leaving_that_did_not_reach_redis_is_told_on_the_next_connection(process: Told) -> None:
    process.is_known = True
    process.set("c", Listening(1, 1))
    process.tell(0.0)
    process.set("c", Listening())
    process.tell(0.1, fails=True)
    process.presence.tell_again()  # as at the begin of a connection
    process.tell(0.2)
    assert process.hashes == {}


def test_many_changes_are_told_in_parts(process: Told) -> None:
    process.is_known = True
    for number in range(AT_ONCE + 1):
        process.set(f"c{number}", Listening(1, 1))
    assert process.tell(0.0) == 2 + 2 * AT_ONCE
    assert process.presence.wait(0.0) == 0
    assert process.tell(0.0) == 4


def test_what_was_told_is_told_again_before_it_expires(process: Told) -> None:
    process.is_known = True
    process.set("c", Listening(1, 1))
    process.tell(0.0)
    process.hashes = {}  # evicted
    process.tell(KEEP_SECONDS / 2)
    assert process.hashes == {KEY: [1, 1, {}]}


def test_process_that_ends_deletes_its_key_if_there_is_one(process: Told) -> None:
    assert process.presence.leave() == []
    process.set("c", Listening(1, 1))
    process.tell(0.0)
    ((name, key),) = process.presence.leave()
    assert name == "DEL"
    assert key.startswith("dash-pipe:{processes}:")


def test_reply_of_redis_has_the_numbers_of_each_process() -> None:
    reply = [b"one", b'[2,1,{"a":1}]', b"two", b"[1,1,{}]"]
    assert told(reply) == {"one": Listening(2, 1, {"a": 1}), "two": Listening(1, 1, {})}
