"""A client's subscription, with the vectors of the browser's."""

import json
from typing import Any

from dash_pipe.client import Gap, Subscription
from dash_pipe.client.frames import Messages, Replayed, Subscribed, decode
from dash_pipe.log import Position
from dash_pipe.protocol import Replay, Subscribe
from unit.vectors import vectors


def as_dict(gap: Gap) -> dict[str, Any]:
    return {"from": gap.after, "to": gap.upto, "cause": gap.cause}


def check(pipe: dict[str, Any], frames: list[dict[str, Any]]) -> None:
    """Pass frames to a subscription; check its rows, its gaps and its position at the end."""
    since = pipe["position"] and Position(**pipe["position"])
    subscription = Subscription("jobs", pipe["labels"], replay=pipe["replay"], since=since)
    taken: list[int] = []
    gaps: list[dict[str, Any]] = []
    for fields in frames:
        frame = decode(json.dumps(fields))
        assert frame is not None
        delivery = subscription.take(frame)
        taken += [row[0] for row in delivery.rows]
        gaps += map(as_dict, delivery.gaps)
    end = subscription.position and subscription.position._asdict()
    assert (taken, gaps, end) == (pipe["taken"], pipe["gaps"], pipe["end"])
    assert subscription.n_gaps == sum(gap["cause"] != "unknown" for gap in gaps)
    last = subscription.last_gap
    assert gaps[-1:] == ([] if last is None else [as_dict(last)])


@vectors("listener")
def test_subscription_takes_rows_and_counts_gaps(vector: dict[str, Any]) -> None:
    check(vector, vector["frames"])


@vectors("epochs")
def test_subscription_goes_on_in_another_epoch(vector: dict[str, Any]) -> None:
    for pipe in vector["pipes"]:
        check(pipe, vector["frames"])


def subscribed(epoch: str, offset: int) -> Subscribed:
    return Subscribed("jobs", epoch, offset, None, 0.5, 25.0)


def test_open_requests_the_replay_until_it_is_done() -> None:
    subscription = Subscription("jobs", ["a"], replay=3, token="t")
    subscribe = Subscribe("jobs", frozenset("a"), None, "t")
    assert subscription.open() == [subscribe, Replay(1, "jobs", frozenset("a"), 3)]
    subscription.take(subscribed("e1", 5))
    assert [type(frame) for frame in subscription.open()] == [Subscribe, Replay]
    subscription.end_replay()
    again = Subscribe("jobs", frozenset("a"), Position("e1", 5), "t")
    assert subscription.open() == [again]


def test_end_replay_delivers_what_was_held_back() -> None:
    subscription = Subscription("jobs", replay=1)
    subscription.take(subscribed("e1", 5))
    row = [6, "a", 1, 0.0]
    assert subscription.take(Messages("jobs", "e1", [row], 6)).rows == []
    assert subscription.replaying
    assert subscription.end_replay().rows == [row]
    assert not subscription.replaying


def test_last_gap_is_the_newest() -> None:
    subscription = Subscription("jobs", since=Position("e1", 5))
    subscription.take(subscribed("e1", 90))
    subscription.take(Messages("jobs", "e1", [], 90, [(None, 40)]))
    subscription.take(Messages("jobs", "e2", [], 0))
    assert subscription.n_gaps == 2
    assert subscription.last_gap == Gap(90, None, "epoch")


def test_replay_that_was_not_requested_is_ignored() -> None:
    subscription = Subscription("jobs")
    subscription.take(subscribed("e1", 5))
    delivery = subscription.take(Replayed(1, "jobs", "e1", [[5, "a", 1, 0.0]], 5, True))
    assert (delivery.rows, delivery.gaps) == ([], [])
