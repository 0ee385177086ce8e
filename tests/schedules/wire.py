"""A check of the frames of one connection against docs/protocol.md."""

import json
from typing import Any

from dash_pipe.log import Ended, translate
from dash_pipe.log import Position as LogPosition

Position = tuple[str, int]


class Wire:
    """The requests on a connection, and the server's answers.

    Args:
        batch: the number of characters after which the server waits for a pong.
        parks: requests may wait for Redis, so answers to earlier ones come later.
    """

    def __init__(self, batch: int, parks: bool = False) -> None:
        self._batch = batch
        self._parks = parks
        self._labels: dict[str, Any] = {}  # of each subscribed channel
        self._since: dict[str, Any] = {}
        self._at: dict[str, Position] = {}  # rows are above it
        self._asked: dict[int, Any] = {}  # the labels of each replay that may be answered
        self._past: dict[int, int] = {}  # the last row of each
        self._ping = 0
        self._unanswered = 0

    def asks(self, text: str) -> None:
        """Take a frame of the page, before the server does."""
        frame = json.loads(text)
        channel = frame.get("channel")
        match frame["type"]:
            case "subscribe":
                if channel not in self._labels:
                    self._since[channel] = frame.get("since")
                earlier = self._labels.get(channel, []) if self._parks else []
                both = None not in (earlier, frame["labels"])
                self._labels[channel] = [*earlier, *frame["labels"]] if both else None
            case "unsubscribe" if self._parks:
                self._at.pop(channel, None)
            case "unsubscribe":
                self._labels.pop(channel, None)
                self._at.pop(channel, None)
            case "replay":
                wanted, labels = frame["labels"], self._labels.get(channel, [])
                both = None not in (wanted, labels)
                labels = set(wanted) & set(labels) if both else wanted or labels
                self._asked[frame["id"]] = labels
            case "pong" if frame["n"] == self._ping:
                self._unanswered = 0

    def says(self, text: str) -> None:
        """Check a frame of the server."""
        frame = json.loads(text)
        channel = frame.get("channel")
        match frame["type"]:
            case "subscribed":
                since = self._since.pop(channel, None)
                if channel not in self._at:
                    self._at[channel] = self._begin(since, frame)
                else:
                    self._at[channel] = frame["epoch"], _in_epoch(frame, self._at[channel])
            case "messages":
                self._flows(text, frame)
                # If requests wait, these may be of the subscription before.
                at = 0 if self._parks else _in_epoch(frame, self._at[channel])
                at = self._ascends(frame, at, self._labels[channel])
                assert at <= frame["upto"]
                self._at[channel] = frame["epoch"], frame["upto"]
            case "replayed":
                self._flows(text, frame)
                id_ = frame["id"]
                at = self._ascends(frame, self._past.get(id_, 0), self._asked[id_])
                assert at <= frame["upto"] or not frame["messages"]
                told = self._at.get(channel, (frame["epoch"], 0))
                assert told[0] == frame["epoch"], f"{frame} moves the epoch {told[0]}"
                self._past[id_] = at
            case "ping":
                assert frame["n"] > self._ping
                self._ping = frame["n"]

    def _begin(self, since: dict[str, Any] | None, frame: dict[str, Any]) -> Position:
        epoch, head = frame["epoch"], frame["offset"]
        if since is None or (since["epoch"] == epoch and since["offset"] > head):
            return epoch, head
        return epoch, _in_epoch(frame, (since["epoch"], since["offset"]))

    def _flows(self, text: str, frame: dict[str, Any]) -> None:
        assert self._unanswered < self._batch, "the server does not wait for the pong"
        self._unanswered += len(text)
        rows = frame["messages"]
        assert len(rows) <= 1 or len(json.dumps(rows, separators=(",", ":"))) <= 1.2 * self._batch

    def _ascends(self, frame: dict[str, Any], at: int, labels: Any) -> int:
        """Check that rows are new, in order, and of requested labels; return the last offset."""
        for offset, label, *_ in frame["messages"]:
            assert offset > at, f"{frame} after {at}"
            assert labels is None or label in labels, f"{frame} has more than {labels}"
            at = offset
        return at


def _in_epoch(frame: dict[str, Any], position: Position) -> int:
    """Return the offset of a position in the epoch of a frame, which tells the past."""
    if position[0] == frame["epoch"]:
        return position[1]
    past = [Ended(*each) for each in frame.get("past", [])]
    return translate(past, LogPosition(*position))[0]
