"""Report to another run of Redis what this process knows of channels that it may not mirror."""

from __future__ import annotations

from ...log import Limits
from .commands import ChannelCommands, head
from .connection import RedisConnection
from .heads import Heads
from .pulse import TIMEOUT
from .scripts import CHANNEL

AT_ONCE = 500  # channels looked at in one request


class Reports:
    """Look, after each restart of Redis, whether it lost what ``heads`` have, and say so.

    Else a loss on a channel without a listener would be found only by who listens there next, in a
    process that may not know of it. A log that is gone is not begun again: its pages notice.

    Args:
        heads: what the process knows.
        database: the number of the database.
        limits: the bounds of each log.
    """

    def __init__(self, heads: Heads, database: int, limits: Limits) -> None:
        self._heads = heads
        self._database = database
        self._limits = limits

    def send(self, requests: RedisConnection) -> bool:
        """Report about some channels. Return True if there are more.

        Raises:
            RedisError: the connection was lost.
        """
        run = requests.server_run
        due = [(self._channel(name), known) for name, known in self._heads.due(run, AT_ONCE)]
        if not due:
            return False
        looks = [channel.look() for channel, _ in due]
        replies = requests.request(*looks, timeout=TIMEOUT)
        for (channel, known), reply in zip(due, replies, strict=True):
            if known.is_missing(head(reply)):
                order = channel.check(run, known, "")
                requests.run(CHANNEL, channel.keys, *order, timeout=TIMEOUT)
        self._heads.reported(channel.name for channel, _ in due)
        return len(due) == AT_ONCE

    def _channel(self, name: str) -> ChannelCommands:
        return ChannelCommands(name, self._database, self._limits)
