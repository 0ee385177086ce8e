"""Track a subscription to one channel: its position, its replay, its gaps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..log import NO_HISTORY, Loss, Past, Position, inherit, translate
from ..protocol import ClientFrame, Replay, Subscribe
from .frames import Messages, Ping, Replayed, Row, ServerFrame, Subscribed
from .left_epochs import LeftEpochs

REPLAY_ID = 1  # one replay for each connection


@dataclass(frozen=True)
class Gap:
    """Messages that the subscription has lost, as in the property ``last_gap`` of a Pipe.

    Attributes:
        after: the position before the gap.
        upto: the last lost offset; None if the epoch changed, since it is unknown then.
        cause: ``window`` if the messages left the log before they were read, ``epoch`` if the log
            began again or was rolled back, ``unknown`` if nobody knows whether any were lost.
    """

    after: int
    upto: int | None
    cause: str


@dataclass
class Delivery:
    """The result of a frame: rows in the order of their offsets, and the gaps before them.

    Attributes:
        epochs: the epoch of each row.
    """

    rows: list[Row] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    epochs: list[str] = field(default_factory=list, compare=False)


class Subscription:
    """Keep the position of one listener on a channel over any number of connections.

    Args:
        channel: the channel to listen on.
        labels: the labels to listen for; None means every label.
        replay: how many past messages of each label to deliver first.
        since: the position to read on from; None means the head.
        token: a permission that ``authorize`` on the server is given.

    Attributes:
        position: everything up to it was delivered; None before the first reply.
        n_gaps: how many times messages were lost for good; not those whose cause is ``unknown``.
        last_gap: the last gap, of any cause.
    """

    def __init__(
        self,
        channel: str,
        labels: Sequence[str] | None = None,
        *,
        replay: int = 0,
        since: Position | None = None,
        token: str | None = None,
    ) -> None:
        self.channel = channel
        self.labels = None if labels is None else frozenset(labels)
        self.position = since
        self.n_gaps = 0
        self.last_gap: Gap | None = None
        self._token = token
        self._replay = replay
        self._replaying = replay > 0
        self._replayed: list[Row] = []
        self._held: list[Row] = []
        self._lost_upto = 0
        self._unknown_upto = 0
        self._past: Past = ()  # of the epoch of the position
        self._left = LeftEpochs()

    @property
    def replaying(self) -> bool:
        """Return whether rows are held back until the replay is complete."""
        return self._replaying

    def open(self) -> list[ClientFrame]:
        """Return the frames that begin a connection."""
        subscribe = Subscribe(self.channel, self.labels, self.position, self._token)
        if not self._replaying:
            return [subscribe]
        self._replayed = []  # a replay that was cut off is requested again
        return [subscribe, Replay(REPLAY_ID, self.channel, self.labels, self._replay)]

    def ask_hint(self) -> ClientFrame:
        """Return a frame that requests a hint, and changes nothing."""
        return Subscribe(self.channel, self.labels, token=self._token, hint=True)

    def take(self, frame: ServerFrame) -> Delivery:
        """Take a frame of this channel, or a ping."""
        delivery = Delivery()
        match frame:
            case Subscribed(epoch=epoch, offset=head):
                self._enter(epoch, frame.past, delivery, head)
                self._take_head(Position(epoch, head), delivery)
            case Messages():
                self._enter(frame.epoch, frame.past, delivery)
                self._record_loss(frame, delivery)
                self._advance(frame.rows, frame.upto, delivery)
            case Replayed(id=id_) if id_ == REPLAY_ID:
                self._take_replayed(frame, delivery)
            case Ping(upto=upto) if self.channel in upto:
                self._advance([], upto[self.channel], delivery)
        self._name_epochs(delivery)
        for gap in delivery.gaps:
            self.n_gaps, self.last_gap = self.n_gaps + (gap.cause != "unknown"), gap
        return delivery

    def end_replay(self) -> Delivery:
        """Stop waiting for the replay; return the rows that were held back."""
        rows, self._held, self._replayed = self._held, [], []
        self._replaying = False
        return self._name_epochs(Delivery(rows))

    def _name_epochs(self, delivery: Delivery) -> Delivery:
        """Note the epoch of the rows that have come since the last call."""
        epoch = self.position.epoch if self.position else ""
        delivery.epochs += [epoch] * (len(delivery.rows) - len(delivery.epochs))
        return delivery

    def _release(self, delivery: Delivery) -> None:
        """Deliver the rows that are held back, before the position changes."""
        delivery.rows += self.end_replay().rows
        self._name_epochs(delivery)

    def _take_head(self, head: Position, delivery: Delivery) -> None:
        if self.position is None:
            self.position = head
        elif self.position.offset > head.offset:  # the log was rolled back
            delivery.gaps.append(Gap(self.position.offset, None, "epoch"))
            self._restart(head, delivery)

    def _enter(self, epoch: str, past: Past, delivery: Delivery, head: int = 0) -> None:
        """Read on in another epoch, as far as its log has what this subscription has."""
        before = self.position
        if before is None or before.epoch == epoch:
            self._past = past or self._past
            return
        self._past = past = inherit(past, before.epoch, self._past)
        if epoch.startswith(NO_HISTORY):  # it can't tell whether anything was lost
            self._restart(Position(epoch, head), delivery)
            return
        offset, loss = translate(past, before)
        found = max(loss, self._left.cross(past, before))
        if found is not Loss.NONE:
            is_named = any(ended.epoch == before.epoch for ended in past)
            cause = "epoch" if found is Loss.LOST else "unknown"
            delivery.gaps.append(Gap(offset if is_named else before.offset, None, cause))
        if loss is Loss.LOST:
            self._release(delivery)
        self.position = Position(epoch, offset)
        self._lost_upto, self._unknown_upto = (
            translate(past, Position(before.epoch, upto))[0]
            for upto in (self._lost_upto, self._unknown_upto)
        )

    def _restart(self, start: Position, delivery: Delivery) -> None:
        self._release(delivery)
        self.position = start
        self._lost_upto = self._unknown_upto = 0

    def _record_loss(self, frame: Messages, delivery: Delivery) -> None:
        """Count what is lost for these labels. A loss that is reported twice counts once."""
        if self.position is None:
            return
        after, (lost, unknown) = self.position.offset, self._lost(frame)
        if lost > max(after, self._lost_upto):
            delivery.gaps.append(Gap(after, lost, "window"))
        elif unknown > max(after, self._lost_upto, self._unknown_upto):
            delivery.gaps.append(Gap(after, unknown, "unknown"))
        self._lost_upto = max(lost, self._lost_upto)
        self._unknown_upto = max(unknown, self._unknown_upto)

    def _lost(self, frame: Messages) -> tuple[int, int]:
        """Return up to which offsets these labels have lost messages, and may have; 0 if none."""
        lost = dict(frame.lost)
        if self.labels is None:
            return max(lost.values(), default=0), 0
        others = lost.get(None, 0) if self.labels - lost.keys() else 0  # for all that it names not
        return max((lost.get(label, 0) for label in self.labels), default=0), others

    def _advance(self, rows: Iterable[Row], upto: int, delivery: Delivery) -> None:
        if self.position is None:
            return
        epoch, at = self.position
        news = [row for row in rows if row[0] > at and self._wants(row[1])]
        (self._held if self._replaying else delivery.rows).extend(news)
        self.position = Position(epoch, max(at, upto))

    def _take_replayed(self, frame: Replayed, delivery: Delivery) -> None:
        if not self._replaying or self.position is None:
            return
        if frame.epoch != self.position.epoch:  # ``messages`` that change the epoch come first
            self._release(delivery)
            return
        self._replayed += [row for row in frame.rows if self._wants(row[1])]
        if frame.done:
            past = self._replayed
            live = [row for row in self.end_replay().rows if row[0] > frame.upto]
            delivery.rows += past + live
            self._advance([], frame.upto, delivery)

    def _wants(self, label: str) -> bool:
        return self.labels is None or label in self.labels
