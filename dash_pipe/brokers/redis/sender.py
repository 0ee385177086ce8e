"""Append messages to logs in Redis. Sending takes a connection and no thread."""

from __future__ import annotations

import hashlib
import secrets
import time

from ...errors import BrokerUnavailableError
from ...log import Limits, Position
from ..coordinator import Lease, LeaseLostError
from .commands import ChannelCommands, appended
from .connection import RedisError, is_temporary, was_rejected
from .connections import Connections
from .heads import Heads
from .lease_commands import guarded, is_fenced
from .scripts import CHANNEL

PAUSES = (0.02, 0.25)  # seconds before the first retry, and the maximum


class RedisSender:
    """Append messages; while Redis is away, retry for ``timeout`` seconds. Any thread may call it.

    Args:
        connections: lends the connections.
        database: the number of the database.
        limits: the bounds of each log.
        timeout: seconds that a message may take.
        heads: what this process knows of the channels.
    """

    def __init__(
        self,
        connections: Connections,
        database: int,
        limits: Limits,
        timeout: float,
        heads: Heads,
    ) -> None:
        self._connections = connections
        self._database = database
        self._limits = limits
        self._timeout = timeout
        self._heads = heads

    def publish(
        self,
        channel: str,
        label: str,
        value: str,
        message_id: str | None = None,
        lease: Lease | None = None,
    ) -> Position:
        """Append a message; see ``Broker``. All attempts have the same id.

        Args:
            channel: the channel.
            label: the label.
            value: the value, a JSON text.
            message_id: the id of the message.
            lease: append only if its owner holds it; see ``Coordinator``.
        """
        message_id = message_id or secrets.token_urlsafe(12)
        deadline = time.monotonic() + self._timeout
        pause, longest = PAUSES
        may_have_been_sent = False
        while True:
            try:
                return self._append(channel, label, value, message_id, lease, deadline)
            except _AttemptFailedError as failed:
                may_have_been_sent |= failed.may_have_been_sent
                if not is_temporary(failed.error) or time.monotonic() + pause >= deadline:
                    raise BrokerUnavailableError(
                        f"Redis: {failed.error}",
                        may_have_been_sent=may_have_been_sent,
                        message_id=message_id,
                    ) from failed.error
            time.sleep(pause)
            pause = min(2 * pause, longest)

    def _append(
        self,
        channel: str,
        label: str,
        value: str,
        message_id: str,
        lease: Lease | None,
        deadline: float,
    ) -> Position:
        """Try once to append a message."""
        log, mark = ChannelCommands(channel, self._database, self._limits), _mark(message_id)
        is_reached = False
        try:
            with self._connections.lent(deadline - time.monotonic()) as connection:
                is_reached = True
                known = self._heads.get(channel)
                order = log.append(connection.server_run, known, label, value, mark)
                keys, order = guarded(log.keys, order, lease)
                left = deadline - time.monotonic()
                reply: list[bytes] = connection.run(CHANNEL, keys, *order, timeout=left)
            position, sent = appended(reply, mark, known)
        except RedisError as error:
            if is_reached and is_fenced(error):
                raise LeaseLostError from error
            raise _AttemptFailedError(error, is_reached and not was_rejected(error)) from error
        if sent is not None:
            self._heads.note(channel, sent)
        return position


class _AttemptFailedError(Exception):
    """An attempt to append a message failed."""

    def __init__(self, error: RedisError, may_have_been_sent: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.may_have_been_sent = may_have_been_sent


def _mark(message_id: str) -> str:
    """Return a message id in a form that is short, and safe in a command's reply."""
    return hashlib.blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
