"""A process tells a new run of Redis what it knows, also of channels without a page."""

from collections.abc import Callable

import pytest

from brokers.site import Site
from harness.page import GAP, Page
from harness.redis import RedisServer
from harness.wait import wait_for

PAST = "dash-pipe:{jobs}:meta", "past"


def lose_without_a_page(site: Site, lose: Callable[[], None]) -> Page:
    """Lose message 2 when its page has left; return a page that has come to 1 only."""
    behind, ahead = site.page(["a"]), site.page(["a"])
    site.send(1)
    behind.wait_for(1)
    behind.disconnect()
    site.redis.save()
    site.send(2)
    ahead.wait_for(2)
    ahead.disconnect()
    Page(channel="other").connect(site.process)  # keeps the connection to Redis
    wait_for(
        lambda: site.redis.ask("PUBSUB", "CHANNELS") == ["dash-pipe:{other}:news:0"],
        "the mirror to be released",
    )
    lose()
    return behind


@pytest.mark.usefixtures("forgetful")
def test_loss_on_a_channel_without_a_page_is_reported_by_the_process_that_had_one(
    server: RedisServer,
) -> None:
    with Site(server) as site:
        page = lose_without_a_page(site, server.roll_back)
        wait_for(lambda: (server.ask("HGET", *PAST) or "").endswith(" 1 2;"), "the report")
        site.end_process()
        site.start_process()  # it knows nothing
        page.connect(site.process)
        page.wait_until(lambda: page.told == GAP)
        site.send(3)
        page.wait_for(3)
        assert page.values == [1, 3]


@pytest.mark.usefixtures("forgetful")
def test_channel_that_is_gone_is_not_begun_again_by_a_report(server: RedisServer) -> None:
    with Site(server) as site:
        lose_without_a_page(site, site.redis.lose_all)
        run = server.ask("INFO", "server")["run_id"]
        wait_for(lambda: server.ask("HGET", "dash-pipe:{other}:meta", "run") == run, "the process")
        wait_for(lambda: site.has_reported(run), "the report")
        assert server.ask("KEYS", "dash-pipe:{jobs}:*") == []


def test_report_that_redis_forgot_is_made_again(server: RedisServer) -> None:
    with Site(server) as site:
        page, witness = site.page(["a"]), site.page(["a"])
        site.send(1)
        page.wait_for(1)
        page.disconnect()
        server.save()
        site.send(2)
        witness.wait_for(2)
        for _ in range(2):
            server.roll_back()
            wait_for(lambda: " 1 2;" in (server.ask("HGET", *PAST) or ""), "the report")
        page.connect(site.process)
        site.send(3)
        for each in (page, witness):
            each.wait_for(3)
            assert each.told == GAP
