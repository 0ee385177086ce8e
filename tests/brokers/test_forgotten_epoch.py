"""Redis returns twice to the same data, so it forgets the epoch that began in between."""

import pytest

from brokers.site import Site
from harness.page import GAP, NOTHING, Page
from harness.redis import RedisServer
from harness.wait import wait_for

META = "dash-pipe:{jobs}:meta"


def has_begun_an_epoch(server: RedisServer) -> bool:
    """Return whether the epoch of the log began in this run of Redis."""
    run = server.ask("INFO", "server")["run_id"]
    return bool(server.ask("HGET", META, "run") == run)


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


def test_loss_that_a_page_has_counted_is_not_counted_again_when_a_sender_names_it(
    server: RedisServer,
) -> None:
    with Site(server) as site:
        page = site.page(["a"])
        site.send(1, 2)
        server.save()
        page.wait_for(2)
        server.roll_back()  # nothing is lost, and the page leaves an epoch
        sender = site.sender()
        site.send(3, 4, sender=sender)
        page.wait_for(4)
        roll_back(site, True, page)
        page.wait_until(lambda: page.told == GAP)
        site.send(5, sender=sender)
        page.wait_for(5)
        assert page.told == GAP


def test_page_in_a_forgotten_epoch_is_told_what_a_later_one_from_the_same_point_lost(
    server: RedisServer,
) -> None:
    with Site(server) as site:
        site.send(1, 2)
        site.redis.save()
        roll_back(site, True)
        page = site.page(["a"])  # it knows no epoch before
        roll_back(site, True)
        sender = site.sender()
        site.send(3, sender=sender)
        roll_back(site, True, page)
        assert page.told == NOTHING
        site.send(4, sender=sender)
        page.wait_for(4)
        assert page.told == GAP


def test_page_in_a_forgotten_epoch_is_not_told_what_an_earlier_one_from_the_same_point_lost(
    server: RedisServer,
) -> None:
    with Site(server) as site:
        site.send(1, 2)
        site.redis.save()
        roll_back(site, True)
        sender = site.sender()
        site.send(3, sender=sender)
        roll_back(site, True)
        page = site.page(["a"])
        roll_back(site, True, page)
        site.send(4, sender=sender)
        page.wait_for(4)
        assert page.told == NOTHING
        assert page.values == [4]


def test_forgotten_epoch_that_is_named_later_comes_after_an_older_one_from_the_same_point(
    server: RedisServer,
) -> None:
    with Site(server) as site:
        site.send(1, 2)
        server.save()
        roll_back(site, True)
        sender = site.sender()
        site.send(3, sender=sender)
        roll_back(site, True)
        page = site.page(["a"])
        page.disconnect()
        forgotten = server.ask("HGET", META, "epoch")
        with site.cut_off():
            server.roll_back()
            site.send(4, sender=sender)  # it names the epoch of 3, which was before the page
        wait_for(lambda: forgotten in server.ask("HGET", META, "past"), "the process' report")
        page.connect(site.process)
        page.wait_for(4)
        assert page.told == NOTHING
        assert page.values == [4]
