"""Redis returns twice to the same data, so it forgets the epoch that began in between."""

import pytest

from brokers.site import Site
from harness.page import GAP, NOTHING, Page
from harness.redis import RedisServer
from harness.wait import wait_for


def has_begun_an_epoch(server: RedisServer) -> bool:
    """Return whether the epoch of the log began in this run of Redis."""
    run = server.ask("INFO", "server")["run_id"]
    return bool(server.ask("HGET", "dash-pipe:{jobs}:meta", "run") == run)


def roll_back(site: Site, process_ends: bool, *pages: Page) -> None:
    """Set Redis back; the server process may end before, and its pages come to a new one."""
    if process_ends:
        site.end_process()
    site.redis.roll_back()
    if process_ends:
        site.start_process()
        for page in pages:
            page.connect(site.process)


@pytest.mark.parametrize("process_ends", [False, True], ids=["process-lives", "process-ends"])
def test_second_rollback_to_the_same_moment_repeats_nothing(
    server: RedisServer, process_ends: bool
) -> None:
    with Site(server) as site:
        page = site.page(["a"])
        site.send(1, 2)
        server.save()
        site.send(3)
        page.wait_for(3)
        server.roll_back()
        page.wait_until(lambda: page.told == GAP)
        newcomer = site.page(["a"])
        site.send(4, 5)
        page.wait_for(5)
        newcomer.wait_for(5)
        # The epoch that began after the first rollback was never saved.
        roll_back(site, process_ends, page, newcomer)
        page.wait_until(lambda: page.told == (2, "epoch"))
        newcomer.wait_until(lambda: newcomer.told == GAP)
        site.send(6)
        for each in (page, newcomer):
            each.wait_for(6)
        assert page.values == [1, 2, 3, 4, 5, 6]
        assert newcomer.values == [4, 5, 6]


@pytest.mark.parametrize("process_ends", [False, True], ids=["process-lives", "process-ends"])
def test_second_restart_with_the_same_data_is_no_gap(
    server: RedisServer, process_ends: bool
) -> None:
    with Site(server) as site:
        page = site.page(["a"])
        site.send(1, 2)
        server.save()
        page.wait_for(2)
        for _ in range(2):
            newcomer = site.page(["a"])
            roll_back(site, process_ends, page, newcomer)
            wait_for(lambda: has_begun_an_epoch(server), "the epoch of this run")
        site.send(3)
        for each in (page, newcomer):
            each.wait_for(3)
            assert each.told == NOTHING
        assert page.values == [1, 2, 3]
        assert newcomer.values == [3]


@pytest.mark.parametrize("sender_knows", [False, True], ids=["process-knows", "sender-knows"])
def test_page_from_before_two_rollbacks_is_told_what_the_second_has_lost(
    server: RedisServer, sender_knows: bool
) -> None:
    with Site(server) as site:
        page, other = site.page(["a"]), site.page(["a"])
        site.send(1, 2)
        server.save()
        page.wait_for(2)
        page.disconnect()
        server.roll_back()  # nothing is lost
        sender = site.sender()
        site.send(3, 4, sender=sender)
        other.wait_for(4)
        if sender_knows:
            site.end_process()
        server.roll_back()
        if sender_knows:
            site.start_process()
        page.connect(site.process)
        if sender_knows:
            assert page.told == NOTHING
            site.send(5, sender=sender)
        page.wait_until(lambda: page.told == GAP)
        site.send(6)
        page.wait_for(6)
        assert page.values == ([1, 2, 5, 6] if sender_knows else [1, 2, 6])
        assert page.told == GAP
