"""A revoke, and a message that is sent after it: a process takes them in this order from Redis.

The mirrors of a process are read one after another, and announcements are taken between. The hub
sends whenever a mirror has grown.
"""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from dash_pipe.brokers.redis.broker import RedisBroker
from dash_pipe.brokers.redis.sync import HEARD_AT_ONCE, Sync
from dash_pipe.hub.authorization import Permission
from dash_pipe.hub.policy import Policy
from dash_pipe.log import Limits
from dash_pipe.protocol import COMMAND_CHANNEL
from schedules.link import Host
from schedules.process import Process, sender, use_clock
from schedules.tiny_redis import TinyRedis
from unit.fakes import Clock, values
from unit.test_hub_renew import Page


class Site:
    """A process with a page on the channel `jobs`, and a process that revokes and sends."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        server = TinyRedis(clock)
        self.process = Process(server, Limits(), Policy(), clock)
        self.other: RedisBroker = sender(Host(server), Limits())
        self.page = self.open()
        self.process.work()
        self.process.broker.watch(lambda channel: self.process.hub.flush())
        self.other.publish("jobs", "a", '"before"')
        self.process.work()
        assert values(self.page.take()) == ["before"]

    @property
    def sync(self) -> Sync:
        sync = self.process.follower._sync
        assert sync is not None
        return sync

    def open(self) -> Page:
        page = Page(SimpleNamespace(hub=self.process.hub, clock=self.clock))
        page.first = Permission(user="ann")
        page.subscribe()
        return page

    def revoke_and_send(self) -> None:
        self.other.publish(COMMAND_CHANNEL, "revoke", "{}")
        self.other.publish("jobs", "a", '"after"')

    def step(self) -> None:
        """Take what one step of the follower brings; the page may hear nothing."""
        self.sync.step(self.clock())
        assert values(self.page.take()) == []


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    clock = Clock(time.time())  # commands that are older are dropped
    use_clock(monkeypatch, clock)
    return Site(clock)


def test_log_that_is_read_before_a_revoke_is_heard_waits_for_it(site: Site) -> None:
    for _ in range(HEARD_AT_ONCE):  # these are taken first
        site.other.publish("jobs", "b", "0")
    site.process.follower.refresh("jobs")  # as for a page that was further in another process
    site.page.subscribe(labels=["a"])
    site.page.take()
    site.revoke_and_send()
    site.step()
    assert site.process.follower.mirrors.get("jobs").mirror.log.end.offset > HEARD_AT_ONCE + 1
    assert site.page.renews


def test_message_that_is_heard_while_commands_have_to_be_read_waits_for_them(site: Site) -> None:
    commands = site.process.follower.mirrors.get(COMMAND_CHANNEL).mirror
    commands._mark = "another"  # an announcement was missed: the next one does not fit
    site.revoke_and_send()
    site.step()
    assert site.page.renews
