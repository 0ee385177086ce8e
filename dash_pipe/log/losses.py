"""The losses of a channel: the newest lost offset of each label. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .message import Labels, Lost, Message


class Losses:
    """The newest lost offset of each label, for a bounded number of labels.

    All other labels share one offset, their newest: an unknown loss counts as a loss.

    Args:
        room: the number of labels with an offset of their own.
        named: the newest lost offsets by label.
        rest: the newest lost offset of all labels that are not named.
    """

    def __init__(self, room: int, named: Mapping[str, int] | None = None, rest: int = 0) -> None:
        self._room = room
        self._named = dict(named or {})  # the oldest loss first
        self._rest = rest
        self._forget()

    def note(self, message: Message) -> None:
        """Record that a message is lost."""
        self._named.pop(message.label, None)
        self._named[message.label] = message.offset
        self._forget()

    def after(self, offset: int, labels: Labels) -> list[Lost]:
        """Return the losses of the labels after an offset; empty if nothing was lost."""
        known: dict[str | None, int]
        if labels is None:
            known = {None: self._rest}
            known.update(self._named)
        else:
            known = {label: self._named.get(label, self._rest) for label in sorted(labels)}
        return [(label, lost) for label, lost in known.items() if lost > offset]

    def _forget(self) -> None:
        while len(self._named) > self._room:
            label = next(iter(self._named))
            self._rest = max(self._rest, self._named.pop(label))
