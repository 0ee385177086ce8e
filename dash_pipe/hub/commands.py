"""Follow the log of commands to all processes that serve pages. It sends nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..brokers import Broker
from ..log import NOWHERE, Log, Loss, Position, translate
from ..protocol import COMMAND_CHANNEL, MAX_BATCH_BYTES

MAX_SKEW = 60.0  # seconds by which the clocks of two processes may differ


@dataclass(frozen=True)
class Revoke:
    """Call ``authorize`` again: for a channel, for a user, for all."""

    channel: str | None = None
    user: str | None = None


@dataclass(frozen=True)
class Disconnect:
    """Close the connections of a user."""

    user: str


Command = Revoke | Disconnect


class Commands:
    """The position of a hub in the log of commands, which is a channel of the broker.

    If commands may be lost, everything is revoked: the app's own answers are right in any case.

    Args:
        broker: keeps the log.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._log: Log | None = None
        self._position = NOWHERE
        self._refresh_due = 0
        self._since = 0.0

    def open(self, now: float) -> None:
        """Follow the log from now on, in seconds since the epoch. More than once does no harm."""
        if self._log is not None:
            return
        self._log = self._broker.open(COMMAND_CHANNEL)
        self._position, self._since = self._log.end, now - MAX_SKEW
        self._refresh_due = 0
        if not self._position.epoch:  # a mirror that was never read
            self._refresh_due = self._broker.refresh(COMMAND_CHANNEL)

    def close(self) -> None:
        """Leave the log."""
        if self._log is not None:
            self._log = None
            self._broker.close(COMMAND_CHANNEL)

    def take(self) -> list[Command]:
        """Return the commands since the last call."""
        log, commands = self._log, list[Command]()
        if log is None or log.refreshed < self._refresh_due or not log.epoch:
            return commands
        if not self._position.epoch:  # from the start; _decoded drops what is too old
            self._position = Position(log.epoch, 0)
        while self._position != log.end:
            batch = log.read(self._position.offset, None, MAX_BATCH_BYTES, self._position.epoch)
            loss = Loss.NONE
            if batch.epoch != self._position.epoch:
                _, loss = translate(batch.past, self._position)
            if loss is not Loss.NONE or (batch.lost and self._position.offset):
                commands.append(Revoke())
            commands += _decoded(batch.rows, self._since)
            self._position = Position(batch.epoch, batch.upto)
        return commands


def _decoded(rows: Iterable[str], since: float) -> list[Command]:
    """Return the commands of some rows. Those of later versions are ignored."""
    commands = list[Command]()
    for row in rows:
        _, label, value, time = json.loads(row)
        if time < since or not isinstance(value, dict):
            continue
        if label == "revoke":
            commands.append(Revoke(_text(value, "channel"), _text(value, "user")))
        elif label == "disconnect" and (user := _text(value, "user")) is not None:
            commands.append(Disconnect(user))
    return commands


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None
