"""The numbers of browsers that listen in a process."""

import pytest

from dash_pipe.brokers.listening import Listening, added
from dash_pipe.hub.audience import Audience
from dash_pipe.hub.hub import Hub
from dash_pipe.hub.policy import Policy
from unit.fakes import Browser, Clock, MirrorBroker, Room


@pytest.fixture
def changed() -> list[str]:
    return []


@pytest.fixture
def audience(changed: list[str]) -> Audience:
    return Audience(changed.append)


def browser_of(room: Room, audience: Audience) -> Browser:
    return Browser(Hub(room.broker, Policy(), lambda: None, room.clock, audience=audience))


def test_browser_counts_for_its_labels_and_one_for_every_label_for_each(
    room: Room, audience: Audience, changed: list[str]
) -> None:
    first, second = browser_of(room, audience), browser_of(room, audience)
    first.subscribe("c", ["a", "b"])
    second.subscribe("c")
    listening = audience.listening("c")
    assert listening == Listening(2, 1, {"a": 1, "b": 1})
    assert [listening.count(label) for label in (None, "a", "z")] == [2, 2, 1]
    assert changed == ["c", "c"]
    assert audience.channels() == ["c"]


def test_browser_that_changes_its_labels_counts_for_the_new_ones(
    room: Room, audience: Audience
) -> None:
    browser = browser_of(room, audience)
    browser.subscribe("c", ["a"])
    browser.subscribe("c", ["b"])
    assert audience.listening("c") == Listening(1, 0, {"b": 1})


@pytest.mark.parametrize("way", ["unsubscribe", "disconnect"])
def test_browser_that_leaves_counts_no_longer(room: Room, audience: Audience, way: str) -> None:
    browser = browser_of(room, audience)
    browser.subscribe("c", ["a"])
    if way == "unsubscribe":
        browser.says(type="unsubscribe", channel="c")
    else:
        browser.disconnect()
    assert audience.listening("c") == Listening()
    assert audience.channels() == []


def test_denied_browser_does_not_count(room: Room, audience: Audience) -> None:
    browser = browser_of(room, audience)
    browser.verdict = frozenset({None})
    browser.subscribe("c")
    assert audience.listening("c") == Listening()


def test_browser_whose_log_was_not_read_yet_does_not_count(audience: Audience) -> None:
    clock = Clock()
    hub = Hub(MirrorBroker(clock), Policy(), lambda: None, clock, audience=audience)  # type: ignore[arg-type]
    browser = Browser(hub)
    browser.subscribe("c", ["a"])
    browser.disconnect()
    assert audience.listening("c") == Listening()


def test_numbers_of_processes_are_added() -> None:
    parts = [Listening(2, 1, {"a": 1}), Listening(), Listening(3, 0, {"a": 2, "b": 3})]
    assert added(parts) == Listening(5, 1, {"a": 3, "b": 3})
