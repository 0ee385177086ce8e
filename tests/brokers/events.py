"""The events of outcomes.py, made to happen on a site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from brokers.site import Site
from harness.proxy import Proxy
from harness.redis import RedisServer
from harness.wait import wait_for

PREFIX = "dash-pipe:{jobs}:"
SAVES_WHEN_STOPPED = ("--save 3600 1000000",)
NEVER_LOSES = ("--appendonly yes", "--appendfsync always")
REPLICATES_AT_ONCE = ("--repl-diskless-sync-delay 0",)


@dataclass(frozen=True)
class Happening:
    """An event that can be made to happen.

    Attributes:
        steps: yields before message 1, after 2, and after the event; the rest is done when the
            pages are back.
        redis: options of redis-server.
        limits: limits of the logs.
        labels: the labels of messages 1 to 4, to which the pages listen.
    """

    steps: Callable[[Site], Iterator[None]]
    redis: tuple[str, ...] = ()
    limits: dict[str, float] = field(default_factory=dict)
    labels: str = "aaaa"


def later(act: Callable[[Site], object]) -> Callable[[Site], Iterator[None]]:
    """Return the steps of an event for which nothing has to be prepared."""

    def steps(site: Site) -> Iterator[None]:
        yield
        yield
        act(site)
        yield

    return steps


def rolling_back(act: Callable[[Site], object]) -> Callable[[Site], Iterator[None]]:
    """Return the steps of an event in which Redis returns to message 2."""

    def steps(site: Site) -> Iterator[None]:
        yield
        site.redis.save()
        yield
        act(site)
        yield

    return steps


def cut(site: Site) -> None:
    with site.cut_off():
        site.send(5, 6)


def silence(site: Site) -> None:
    site.proxy.silence()
    site.send(5, 6)


def restart_killed(site: Site) -> None:
    site.redis.kill9()
    site.redis.start()


def overflow(site: Site) -> None:
    with site.cut_off():
        site.send(*range(5, 10))


def overflow_others(site: Site) -> None:
    with site.cut_off():
        site.send(*range(10), label="chatty")


def roll_back_and_send(site: Site) -> None:
    with site.cut_off():
        site.redis.roll_back()
        site.send(5, 6)


def forget_and_send(site: Site) -> None:
    with site.cut_off():
        restart_killed(site)
        site.send(5, 6)


def lose_process(site: Site) -> None:
    site.end_process()
    site.redis.roll_back()
    site.send(5, 6)
    site.start_process()


def remember(site: Site) -> Iterator[None]:
    """Lose the process; the sender of messages 1 to 4 lives on."""
    site.speaker = sender = site.sender()
    yield
    site.redis.save()
    yield
    site.speaker = None
    lose_process(site)
    yield
    site.send("back", sender=sender)


def fail_over(site: Site) -> Iterator[None]:
    """Promote a replica that was cut off after message 2."""
    with Proxy(site.redis.port) as link:
        replica = site.start_redis("replica")
        replica.ask("REPLICAOF", "127.0.0.1", link.port)
        yield
        wait_for(lambda: replicated(replica), "the replica to be connected")
        enough = replicated(site.redis)
        wait_for(lambda: replicated(replica) >= enough, f"{enough} bytes to be replicated")
        link.refuse()
        link.cut()
        yield
        site.redis.kill9()
        replica.ask("REPLICAOF", "NO", "ONE")
        site.move(replica)
        yield


def replicated(redis: RedisServer) -> int:
    """Return the number of bytes of the replicated commands that a server has, or has sent."""
    facts = redis.ask("INFO", "replication")
    is_ready = facts["role"] == "master" or facts["master_link_status"] == "up"
    return int(facts["master_repl_offset"]) if is_ready else 0


def evict(*parts: str) -> Callable[[Site], Iterator[None]]:
    """Return the steps that delete these parts of the log, all others if there are none."""

    def steps(site: Site) -> Iterator[None]:
        site.send("hush", label="quiet")
        site.send(*range(9), label="chatty")  # so every part of the log has something
        yield
        yield
        others = {PREFIX + part for part in ("meta", "rows")}
        keys = [PREFIX + part for part in parts] or sorted({*site.redis.keys()} - others)
        assert site.redis.ask("DEL", *keys) == len(keys) >= len(parts)
        yield

    return steps


HAPPENINGS = {
    "cut": Happening(later(cut)),
    "silent": Happening(later(silence)),
    "stop": Happening(later(lambda site: site.redis.restart()), redis=SAVES_WHEN_STOPPED),
    "kill": Happening(later(restart_killed), redis=NEVER_LOSES),
    "overflow": Happening(later(overflow), limits={"messages": 3}),
    "others_overflow": Happening(later(overflow_others), limits={"messages": 3}, labels="wxyz"),
    "rollback": Happening(rolling_back(lambda site: site.redis.roll_back())),
    "rollback_and_send": Happening(rolling_back(roll_back_and_send)),
    "failover": Happening(fail_over, redis=REPLICATES_AT_ONCE),
    "sender_remembers": Happening(remember),
    "nobody_knows": Happening(rolling_back(lose_process)),
    "flushall": Happening(later(lambda site: site.redis.ask("FLUSHALL"))),
    "empty": Happening(later(restart_killed)),
    "empty_and_send": Happening(later(forget_and_send)),
    "evict_meta": Happening(evict("meta")),
    "evict_rows": Happening(evict("rows")),
    "evict_others": Happening(evict(), limits={"messages": 6, "labels": 3}),
}
