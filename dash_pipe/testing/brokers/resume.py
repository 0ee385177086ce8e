"""Tests of subscribing and resuming through a hub on the broker."""

from __future__ import annotations

import json

import pytest

from ...brokers import Broker
from ...endpoint.http import HttpRequest
from ...endpoint.poll import poll
from ...hub.authorization import Permission
from ...hub.policy import Policy
from .base import BrokerTests, Make, needs_history, publish
from .browser import Frames, HubRunner, kinds, rows, values
from .reader import TIMEOUT


def has_subscribed(frames: Frames) -> bool:
    """Return whether a subscribe was answered."""
    return "subscribed" in kinds(frames)


class ResumeTests(BrokerTests):
    """Test that a browser continues from its position, and that each gap is known."""

    def test_browser_after_subscribe_receives_only_new_messages(self, broker: Broker) -> None:
        runner = HubRunner(broker)
        browser = runner.browser()
        broker.publish("jobs", "a", '"old"')
        (answer,) = runner.frames(browser, browser.subscribe("jobs"), has_subscribed)
        assert answer["recovered"] is None
        broker.publish("jobs", "a", '"new"')
        assert values(runner.frames(browser, [], rows)) == ["new"]

    def test_browser_reconnecting_to_same_process_resumes(self, broker: Broker) -> None:
        runner = HubRunner(broker)
        browser, stays = runner.browser(), runner.browser()
        runner.frames(stays, stays.subscribe("jobs"), has_subscribed)
        (answer,) = runner.frames(browser, browser.subscribe("jobs"), has_subscribed)
        browser.disconnect()
        broker.publish("jobs", "a", '"meanwhile"')
        runner.frames(stays, [], rows)
        back = runner.browser()
        since = {"epoch": answer["epoch"], "offset": answer["offset"]}
        frames = runner.frames(back, back.subscribe("jobs", since=since), rows)
        assert values(frames) == ["meanwhile"]
        assert frames[0]["recovered"] in {True, None}

    @needs_history
    def test_first_subscribe_with_history_starts_at_head(self, broker: Broker) -> None:
        runner = HubRunner(broker)
        browser = runner.browser()
        old = broker.publish("jobs", "a", '"old"')
        (answer,) = runner.frames(browser, browser.subscribe("jobs"), has_subscribed)
        assert (answer["epoch"], answer["offset"], answer["recovered"]) == (*old, None)
        broker.publish("jobs", "a", '"new"')
        assert values(runner.frames(browser, [], rows)) == ["new"]

    @needs_history
    def test_browser_with_position_resumes_there(self, make: Make) -> None:
        broker = make()
        position = publish(broker, "ab")
        publish(broker, "cd")
        runner = HubRunner(self.elsewhere(make, broker))
        browser = runner.browser()
        frames = runner.frames(browser, browser.subscribe("jobs", since=position._asdict()), rows)
        assert frames[0]["recovered"] is True
        assert [row[0] for row in rows(frames)] == [3, 4]

    @needs_history
    def test_browser_moved_before_first_message_misses_nothing(self, make: Make) -> None:
        first = make()
        second = self.elsewhere(make, first)
        runners = HubRunner(first), HubRunner(second)
        stays, moves = runners[1].browser(), runners[0].browser()
        runners[1].frames(stays, stays.subscribe("jobs"), has_subscribed)
        (answer,) = runners[0].frames(moves, moves.subscribe("jobs"), has_subscribed)
        moves.disconnect()
        first.publish("jobs", "a", '"first"')
        moved = runners[1].browser()
        since = {"epoch": answer["epoch"], "offset": answer["offset"]}
        frames = runners[1].frames(moved, moved.subscribe("jobs", since=since), rows)
        assert frames[0]["recovered"] is True
        assert values(frames) == values(runners[1].frames(stays, [], rows)) == ["first"]

    @needs_history
    def test_position_outside_window_is_gap_for_lost_labels_only(self, make: Make) -> None:
        broker = make(messages=2)
        position = publish(broker, "a")
        publish(broker, "aaaab")
        runner = HubRunner(self.elsewhere(make, broker, messages=2))
        for labels, recovered, gone in ((["a"], False, [["a", 4]]), (["b"], True, None)):
            browser = runner.browser()
            come = browser.subscribe("jobs", labels, since=position._asdict())
            answer, messages = runner.frames(browser, come, rows)
            assert (answer["recovered"], messages.get("lost")) == (recovered, gone)

    @needs_history
    def test_position_of_other_epoch_is_gap_and_reads_from_start(self, broker: Broker) -> None:
        publish(broker, "ab")
        runner = HubRunner(broker)
        browser = runner.browser()
        come = browser.subscribe("jobs", since={"epoch": "another", "offset": 1})
        frames = runner.frames(browser, come, rows)
        assert frames[0]["recovered"] is False
        assert [row[0] for row in rows(frames)] == [1, 2]

    @needs_history
    def test_requests_of_one_session_are_answered_in_order(self, broker: Broker) -> None:
        publish(broker, "ab")
        runner = HubRunner(broker)
        browser = runner.browser()
        elsewhere = {"epoch": "another", "offset": 1}
        come = browser.subscribe("jobs", ["a"], since=elsewhere)
        come += browser.replay("jobs", labels=["a"])
        come += browser.says(type="unsubscribe", channel="jobs")
        come += browser.replay("jobs")
        come += browser.subscribe("jobs", ["b"], since=elsewhere)
        frames = runner.frames(browser, come, lambda frames: len(frames) == 6)
        assert kinds(frames) == [
            "subscribed",
            "messages",
            "replayed",
            "error",
            "subscribed",
            "messages",
        ]
        assert values(frames) == [0, 0, 1]

    @needs_history
    def test_poll_waits_until_log_is_loaded(
        self, broker: Broker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dash_pipe.endpoint.poll.BROKER_TIMEOUT", TIMEOUT)
        publish(broker, "ab")
        since = {"epoch": "another", "offset": 9}
        subscribe = {"type": "subscribe", "channel": "jobs", "labels": None, "since": since}
        request = HttpRequest("POST", "poll", {}, json.dumps([subscribe]).encode())
        answer = poll(request, broker, Policy(), 2.0, lambda *_: Permission())
        frames = json.loads(answer.body)
        assert kinds(frames) == ["subscribed", "messages"]
        assert frames[0]["recovered"] is False
        assert values(frames) == [0, 1]
