"""A listener of one channel, as docs/protocol.md says. Pure: frames in; rows, frames, notes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .exits import Exit, Failure

Frame = dict[str, Any]
Row = list[Any]
"""``[offset, label, value, time]``"""


@dataclass
class Taken:
    """What a frame brought.

    Attributes:
        rows: messages, in order.
        replies: frames that the server is owed.
        notes: what whoever listens should know.
    """

    rows: list[Row] = field(default_factory=list)
    replies: list[Frame] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Listener:
    """Where somebody stands on a channel, over as many connections as it takes.

    Args:
        channel: where to listen.
        labels: for what; ``None`` is every label.
        replay: how many past messages of each label come first.

    Attributes:
        heartbeat: a connection that is silent for longer than twice this is dead.
    """

    def __init__(self, channel: str, labels: list[str] | None, replay: int) -> None:
        self.heartbeat = 25.0
        self._channel = channel
        self._labels = labels
        self._replay_count = replay
        self._epoch: str | None = None
        self._offset = 0
        self._replaying = False
        self._replayed: list[Row] = []
        self._held: list[Row] = []
        self._lost: dict[str | None, int] = {}  # the newest offset of a label that is known as lost

    def subscribe(self) -> Frame:
        """The frame that begins a connection."""
        if self._replaying:  # the last connection ended in the middle of it
            self._epoch = None
        frame: Frame = {"type": "subscribe", "channel": self._channel, "labels": self._labels}
        if self._epoch is not None:
            frame["since"] = {"epoch": self._epoch, "offset": self._offset}
        return frame

    def take(self, frame: Frame) -> Taken:
        """Take a frame from the server; those of an unknown type are ignored.

        Raises:
            Failure: the server does not let us listen.
        """
        match frame["type"]:
            case "subscribed":
                return self._subscribed(frame)
            case "messages":
                return self._messages(frame)
            case "replayed":
                return self._replay(frame)
            case "ping":
                self._advance(frame.get("upto", {}).get(self._channel, 0))
                return Taken(replies=[{"type": "pong", "n": frame["n"]}])
            case "error":
                raise Failure(Exit.USAGE, f"the server refuses: {frame['reason']}")
        return Taken()

    def _subscribed(self, frame: Frame) -> Taken:
        self.heartbeat = frame["heartbeat"]
        taken = Taken()
        if frame.get("denied"):
            denied = ", ".join(label or "every label" for label in frame["denied"])
            taken.notes.append(f"the server does not let us listen for: {denied}")
        first = self._epoch is None
        if first:
            self._offset = frame["offset"]
        elif self._epoch != frame["epoch"]:
            taken.notes.append(self._anew(frame))
        elif self._offset > frame["offset"]:
            taken.notes.append("the channel was rolled back; messages may be lost")
            self._offset = frame["offset"]
        self._epoch = frame["epoch"]
        if first and self._replay_count:
            self._replaying, self._replayed, self._held = True, [], []
            taken.replies.append(
                {"type": "replay", "id": 1, "channel": self._channel}
                | {"labels": self._labels, "last": self._replay_count}
            )
        return taken

    def _messages(self, frame: Frame) -> Taken:
        taken = Taken()
        if frame["epoch"] != self._epoch:  # the log began anew under this connection
            taken.notes.append(self._anew(frame))
        taken.notes += self._losses(frame)
        rows = self._news(frame["messages"])
        self._advance(frame["upto"])
        if self._replaying:
            self._held += rows
        else:
            taken.rows = rows
        return taken

    def _replay(self, frame: Frame) -> Taken:
        self._replayed += frame["messages"]
        if not frame["done"]:
            return Taken()
        upto = frame["upto"]
        rows = self._replayed + [row for row in self._held if row[0] > upto]
        self._replaying, self._replayed, self._held = False, [], []
        self._advance(upto)
        return Taken(rows)

    def _news(self, rows: Iterable[Row]) -> list[Row]:
        return [row for row in rows if row[0] > self._offset]

    def _advance(self, upto: int) -> None:
        self._offset = max(self._offset, upto)

    def _anew(self, frame: Frame) -> str:
        self._epoch, self._offset, self._lost = frame["epoch"], 0, {}
        return "the channel began anew; what came in between is lost"

    def _losses(self, frame: Frame) -> list[str]:
        """What a frame says is lost; the same loss may be told again, and counts once."""
        new = {
            label: upto for label, upto in frame.get("lost", []) if upto > self._lost.get(label, 0)
        }
        self._lost |= new
        if not new:
            return []
        labels = ", ".join(sorted(label or "any other label" for label in new))
        return [f"messages were lost for good, of {labels}"]
