"""The messages that were sent, and those that Redis has lost. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dash_pipe.log import Position

LIVING = "living"  # the sender that stays; all others end after a few messages
ROLLBACK = "rollback"


@dataclass
class Sent:
    """A message: its number among all is its value.

    `position` is None until Redis has confirmed it. One that never was may be in the log or not.
    """

    number: int
    channel: str
    label: str
    sender: str
    began: float
    position: Position | None = None
    failed: bool = False  # certainly not in the log


@dataclass(frozen=True)
class Loss:
    """Messages that were in the log of a channel, and are no longer: by number.

    `damage` says that the log goes on, without some part of it: nobody knows what that loses.
    """

    kind: str
    channel: str
    began: float
    lost: frozenset[int] = frozenset()
    damage: bool = False


Copy = Mapping[str, tuple[int, ...]]
"""The numbers of the messages in each log at one moment."""


@dataclass
class History:
    """Everything that was sent, and what happened to it in Redis."""

    sent: list[Sent] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    _logs: dict[str, list[int]] = field(default_factory=dict)

    def begin(self, channel: str, label: str, sender: str, now: float) -> Sent:
        """Note that a message is being sent."""
        sent = Sent(len(self.sent) + 1, channel, label, sender, now)
        self.sent.append(sent)
        self._logs.setdefault(channel, []).append(sent.number)
        return sent

    def fail(self, sent: Sent) -> None:
        """Note that a message has certainly not been appended."""
        sent.failed = True
        self._logs[sent.channel].remove(sent.number)

    def copy(self) -> Copy:
        """Return what the logs hold."""
        return {channel: tuple(numbers) for channel, numbers in self._logs.items()}

    def roll_back(self, copy: Copy, now: float) -> None:
        """Note that Redis has returned with the data of a copy."""
        for channel, numbers in self._logs.items():
            kept = copy.get(channel, ())
            self._lose(ROLLBACK, channel, now, set(numbers) - set(kept))
            self._logs[channel] = list(kept)

    def vanish(self, kind: str, now: float, channels: Iterable[str] | None = None) -> None:
        """Note that logs are gone: all of them, or those of some channels."""
        for channel in list(self._logs) if channels is None else channels:
            self._lose(kind, channel, now, self._logs.get(channel, []))
            self._logs[channel] = []

    def damage(self, kind: str, channel: str, now: float) -> None:
        """Note that a log has lost a part, and goes on."""
        self.losses.append(Loss(kind, channel, now, damage=True))

    def of(self, channel: str) -> list[Sent]:
        """Return the messages of a channel, without those that were certainly not appended."""
        return [each for each in self.sent if each.channel == channel and not each.failed]

    def _lose(self, kind: str, channel: str, now: float, numbers: Iterable[int]) -> None:
        if lost := frozenset(numbers):
            self.losses.append(Loss(kind, channel, now, lost))
