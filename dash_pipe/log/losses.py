"""What is known of the messages of a channel that are gone. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .message import Labels, Lost, Message


class Losses:
    """The newest lost offset of each label, for as many labels as there is room for.

    Of those for which there is none, the newest of them all: what is not known counts as lost.

    Args:
        room: for how many labels.
        named: what is known of labels.
        rest: the newest lost offset of every label that is not named.
    """

    def __init__(self, room: int, named: Mapping[str, int] | None = None, rest: int = 0) -> None:
        self._room = room
        self._named = dict(named or {})  # the oldest loss first
        self._rest = rest
        self._forget()

    def note(self, message: Message) -> None:
        """Note that a message is gone."""
        self._named.pop(message.label, None)
        self._named[message.label] = message.offset
        self._forget()

    def after(self, offset: int, labels: Labels) -> list[Lost]:
        """What of the labels is lost after an offset; empty when nothing is."""
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
