"""Hold a replay until flow control lets it go out. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from ..log import Labels, Log, Loss, Message, Past, Position, translate
from ..protocol import MAX_BATCH_BYTES, Replay


@dataclass(slots=True)
class PendingReplay:
    """A replay that was not sent yet, or only in part.

    Its messages are looked up when its turn comes, so a session holds those of one replay at most.

    Attributes:
        head: the newest position of the channel when the replay was requested.
    """

    frame: Replay
    log: Log
    head: Position
    _messages: deque[Message] | None = None

    def next_rows(self) -> tuple[list[str], bool]:
        """Take the rows of the next frame. Return them, and True if they are the last.

        If the log has lost messages since, there are no rows: they come as messages.
        """
        if self._messages is None:
            found = self.log.newest(self.frame.labels, self.frame.last, self.head)
            self._messages = deque(found)
        rows: list[str] = []
        size = 0
        while self._messages:
            size += self._messages[0].size
            if rows and size > MAX_BATCH_BYTES:
                return rows, False
            rows.append(self._messages.popleft().row)
        return rows, True

    def restrict(self, labels: Labels) -> None:
        """Leave out the rows of all labels but these."""
        if labels is not None:
            wanted = labels if self.frame.labels is None else labels & self.frame.labels
            self.frame = replace(self.frame, labels=wanted)
            if self._messages is not None:
                self._messages = deque(each for each in self._messages if each.label in wanted)

    def enter(self, epoch: str, past: Past) -> None:
        """Go on in the epoch that the browser was told; without rows if messages are lost."""
        offset, loss = translate(past, self.head)
        if loss is Loss.LOST or offset < self.head.offset:
            self._messages = deque()
        self.head = Position(epoch, offset)
