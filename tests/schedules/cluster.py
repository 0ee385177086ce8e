"""Processes and senders that share a Redis, and the network between them."""

from __future__ import annotations

from typing import Any

from redis import exceptions

from dash_pipe.brokers.redis.broker import RedisBroker
from dash_pipe.brokers.redis.commands import ChannelCommands
from dash_pipe.errors import BrokerUnavailableError
from dash_pipe.log import Limits, Position
from schedules.link import Host
from schedules.oracle import Sent
from schedules.process import Process, sender
from schedules.tiny_redis import TinyRedis
from schedules.truth import Truth
from schedules.world import POLICY
from unit.fakes import Clock

LIMITS = Limits(messages=8, bytes=400, seconds=60.0, labels=8, label_seconds=600.0)
CLOSED_LINK, DEAD_LINK = exceptions.ConnectionError, exceptions.TimeoutError
CHANNELS = "cd"
RESTART = 0.01  # seconds that a restart of Redis takes at least
TICK = 15.0  # seconds that pass at most before the processes do what is due
PROCESSES = 2
SENDERS = PROCESSES  # their number as a host, after those of the processes


class Cluster:
    """A Redis, processes and senders. Each public method is a step, but for ``serve`` and ``end``.

    Messages have their number as value.

    Attributes:
        sent: all messages that Redis has taken.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.redis = TinyRedis(clock)
        self.truth = Truth()
        self.sent: list[Sent] = []
        self.processes = [self._process() for _ in range(PROCESSES)]
        self._sender_host = Host(self.redis)
        self._living = sender(self._sender_host, LIMITS)
        self._channels = {name: ChannelCommands(name, 0, LIMITS) for name in CHANNELS}
        self._present: set[str] = set()  # the channels that have a log
        self._snapshots: list[Any] = []

    # Senders

    def send(self, channel: str, labels: str, who: str, size: int = 0) -> None:
        """Send messages from the sender that lives on, a "short" one, or a process.

        The value of each is its number, with spaces up to a size.
        """
        for label in labels:
            self._observe()
            broker, knower = self._sender(who)
            value = f"{len(self.sent) + 1:<{size}}"
            try:
                epoch = broker.publish(channel, label, value).epoch
            except BrokerUnavailableError:
                epoch = ""
            self._note_sent(channel, knower if epoch else None)
            if epoch:
                self.truth.speaks(knower, channel, epoch)

    def end_sender(self) -> None:
        """Let the sender that lives on end, and another begin."""
        self.truth.forgets(self._living)
        self._living = sender(self._sender_host, LIMITS)

    def lose_reply(self, who: int) -> None:
        """Let the next reply of Redis be lost, to a process or to the senders."""
        self._hosts[who].loses_next_reply = True

    def _sender(self, who: str) -> tuple[RedisBroker, object]:
        """Return the broker that sends, and who then knows the message."""
        if who == "living":
            return self._living, self._living
        if who == "short":
            broker = sender(self._sender_host, LIMITS)
            return broker, broker
        broker = self.processes[int(who)].broker
        return broker, broker

    def _note_sent(self, channel: str, knower: object) -> None:
        """Take the messages that Redis has announced since the last call.

        ``knower`` is the sender, or None if it had no reply.
        """
        announced, self.redis.announced = self.redis.announced, []
        for text in announced:
            parts = text.decode().split(" ", 3)
            if len(parts) == 4:
                offset, label = parts[3][1:].split(",")[:2]
                number = len(self.sent) + 1
                sent = Sent(number, channel, label.strip('"'), parts[0], int(offset))
                self.sent.append(sent)
                self.truth.sent(sent)
                self.truth.sees(knower, channel, {number})

    # Redis

    def snapshot(self) -> None:
        """Let Redis write its data to disk."""
        self._observe()
        self._snapshots.append((self.redis.snapshot(), self.truth.snapshot(), self.truth.moment))

    def restart_redis(self, noticed: bool = True) -> None:
        """Restart Redis with all its data."""
        self._observe()
        self._end_links(noticed)

    def roll_back(self, count: int, noticed: bool = True) -> None:
        """Restart Redis with the data of a snapshot: the newest, or an earlier one."""
        self._observe()
        if len(self._snapshots) < count:
            return
        del self._snapshots[len(self._snapshots) - count + 1 :]
        data, content, moment = self._snapshots[-1]
        self.redis.restore(data)
        self._end_links(noticed)
        for name in CHANNELS:
            if self.end(name).epoch:
                self.truth.rolls_back(name, content.get(name, []), moment)
        self._observe()

    def flush(self) -> None:
        """Let Redis forget everything."""
        self._observe()
        self.redis.execute("FLUSHALL")
        self._snapshots.clear()  # a message that is lost does not come back
        self._observe()

    def evict(self, channel: str, key: int) -> None:
        """Let Redis forget one key of a channel."""
        self._observe()
        is_there = self.redis.execute("DEL", self._channels[channel].keys[key])
        if is_there and key:  # the first holds the epoch: without it the log is gone
            self.truth.injured.setdefault(channel, self.truth.moment)
        self._snapshots.clear()
        self._observe()

    def end(self, channel: str) -> Position:
        """Return the position of the newest message in Redis; an empty epoch if there is no log."""
        epoch, head = self.redis.execute("HMGET", self._channels[channel].keys[0], "epoch", "head")
        return Position((epoch or b"").decode(), int(head or 0))

    def _end_links(self, noticed: bool) -> None:
        self.redis.restart()
        self.clock.now += RESTART
        for host in self._hosts:
            host.cut(CLOSED_LINK if noticed else DEAD_LINK)

    # The network to Redis

    def part(self, who: int, noticed: bool) -> None:
        """Cut a process, or the senders, off from Redis."""
        self._hosts[who].reaches_redis = False
        self._hosts[who].cut(CLOSED_LINK if noticed else DEAD_LINK)

    def join(self, who: int) -> None:
        """Let new connections to Redis succeed. Dead ones stay dead."""
        self._hosts[who].reaches_redis, self._hosts[who].loses_next_reply = True, False

    @property
    def _hosts(self) -> list[Host]:
        return [*(process.host for process in self.processes), self._sender_host]

    # The processes

    def work(self, who: int) -> None:
        """Let the mirrors of one process follow, and its hub send."""
        process = self.processes[who]
        process.work()
        for name in CHANNELS:
            mirrored = process.follower.mirrors.get(name)
            if mirrored is not None:
                log = mirrored.mirror.log
                rows = log.read(0, None, 2**20).rows
                self.truth.sees(process, name, {int(row.split(",")[2]) for row in rows})
                self._speaks(process, name, log.epoch)
            elif process.has_reported(self.redis.run_id):
                self._speaks(process, name, self.end(name).epoch)
        self._observe()

    def _speaks(self, process: Process, channel: str, epoch: str) -> None:
        for knower in (process, process.broker):  # it reports what it sent as well
            self.truth.speaks(knower, channel, epoch)

    def replace(self, who: int) -> Process:
        """Let a process end, and another start in its place. Return the old one."""
        old, self.processes[who] = self.processes[who], self._process()
        self.processes[who].host.reaches_redis = old.host.reaches_redis
        self.truth.forgets(old)
        self.truth.forgets(old.broker)
        return old

    def pass_time(self, seconds: float) -> None:
        """Move the clocks of Redis and of the processes."""
        while seconds > 0:
            self.clock.now += min(seconds, TICK)
            seconds -= TICK
            for who in range(len(self.processes) if seconds > 0 else 0):
                self.work(who)
            self._observe()

    def _process(self) -> Process:
        return Process(self.redis, LIMITS, POLICY, self.clock)

    def _observe(self) -> None:
        """Compare what Redis has with what it should have."""
        self.truth.moment += 1
        for name in CHANNELS:
            epoch = self.end(name).epoch
            if epoch:
                self.truth.names(name, epoch)
                self._present.add(name)
            elif name in self._present:
                self._present.remove(name)
                self.truth.loses_all(name)
