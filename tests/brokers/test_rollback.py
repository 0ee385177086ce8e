"""Redis returns with older data: each page is told, and gets every later message once."""

import pytest

from brokers.site import Site
from harness.page import GAP, NOTHING, Page
from harness.redis import RedisServer

# The position of a page: 2 messages outlive the rollback, 2 more were sent before it.
POSITIONS = {"behind": 1, "at": 2, "ahead": 4}
POSITION = pytest.mark.parametrize("position", POSITIONS.values(), ids=POSITIONS)
AHEAD = POSITIONS["ahead"]


def taken(position: int) -> list[int]:
    """Return the values that a page has got of those from before the rollback."""
    return [1, 2, 3, 4][: max(position, 2)]


def send_and_save(site: Site, page: Page, position: int) -> None:
    """Send 1 to 4, and save after 2; the page disconnects at its position.

    The process has 4 when this returns.
    """
    witness = site.page(["a"])
    for value in range(1, 5):
        site.send(value)
        if value <= position:
            page.wait_for(value)
        if value == position:
            page.disconnect()
        if value == 2:
            site.redis.save()
    witness.wait_for(4)
    witness.disconnect()


# The process remembers


@POSITION
@pytest.mark.usefixtures("forgetful")
def test_page_away_longer_than_mirror_gets_messages_in_reused_offsets_and_a_gap(
    server: RedisServer, position: int
) -> None:
    with Site(server) as site:
        page = site.page(["a"])
        send_and_save(site, page, position)
        site.wait_for_release()
        server.roll_back()
        for value in range(5, 15):
            site.send(value)
        page.connect(site.process)
        page.wait_for(14)
        assert page.values == [*taken(position), *range(5, 15)]
        assert page.told == GAP
        assert page.recovered[-1] is False


@POSITION
@pytest.mark.usefixtures("forgetful")
def test_page_away_longer_than_mirror_is_told_before_anything_is_sent(
    server: RedisServer, position: int
) -> None:
    with Site(server) as site:
        page = site.page(["a"])
        send_and_save(site, page, position)
        site.wait_for_release()
        server.roll_back()
        page.connect(site.process)
        page.wait_until(lambda: page.told == GAP)
        assert page.recovered[-1] is False


@POSITION
@pytest.mark.usefixtures("hasty")
def test_returning_page_is_told_while_another_page_holds_the_mirror(
    server: RedisServer, position: int
) -> None:
    with Site(server) as site:
        other, page = site.page(["a"]), site.page(["a"])
        send_and_save(site, page, position)
        other.wait_for(4)
        server.roll_back()
        other.wait_until(lambda: other.told == GAP)
        page.connect(site.process)
        page.wait_until(lambda: page.told == GAP)
        assert page.recovered[-1] is False
        site.send(5)
        other.wait_for(5)
        page.wait_for(5)
        assert other.values == [1, 2, 3, 4, 5]
        assert page.values == [*taken(position), 5]
        assert (page.told, other.told) == (GAP, GAP)


# The process is gone too


@pytest.mark.parametrize("since", [(), (5,), (5, 6), tuple(range(5, 17))], ids=len)
def test_page_ahead_outlives_redis_and_server_process_without_loss_of_later_messages(
    server: RedisServer, since: tuple[int, ...]
) -> None:
    with Site(server) as site:
        page = site.page(["a"])
        send_and_save(site, page, AHEAD)
        site.end_process()
        server.roll_back()
        site.send(*since)
        site.start_process()
        page.connect(site.process)
        page.wait_until(lambda: page.told == GAP)
        assert page.recovered[-1] is False
        site.send("last")
        page.wait_for("last")
        assert page.values == [1, 2, 3, 4, *since, "last"]
        assert page.told == GAP


def test_page_at_the_rollback_is_told_when_a_process_that_knew_looks_again(
    server: RedisServer,
) -> None:
    with Site(server) as site, Site(server) as elsewhere:
        page, other = site.page(["a"]), site.page(["a"])
        send_and_save(site, page, POSITIONS["at"])
        other.wait_for(4)
        with site.cut_off():
            server.roll_back()
            site.send(5)
            page.connect(elsewhere.process)
            page.wait_for(5)
            assert (page.told, page.recovered[-1]) == (NOTHING, True)  # nobody there knew
        other.wait_until(lambda: other.told == GAP)
        page.wait_until(lambda: page.told == GAP)
        site.send(6)
        for each in (page, other):
            each.wait_for(6)
            assert each.told == GAP
        assert page.values == [1, 2, 5, 6]
        assert other.values == [1, 2, 3, 4, 5, 6]


# A sender remembers


@pytest.mark.parametrize("count", [1, 2, 5])
def test_sender_that_returns_after_a_rollback_repeats_and_reorders_nothing(
    server: RedisServer, count: int
) -> None:
    with Site(server) as site:
        knows = site.sender()
        site.send(1, 2, sender=knows)
        server.save()
        site.send(3, 4, sender=knows)
        site.end_process()
        server.roll_back()
        site.start_process()
        page = site.page(["a"])
        since = list(range(5, 5 + count))
        site.send(*since)
        page.wait_for(since[-1])
        site.send("again", sender=knows)
        page.wait_for("again")
        site.send("last")
        page.wait_for("last")
        assert page.values == [*since, "again", "last"]
        assert page.told == NOTHING  # it came after the rollback


@POSITION
def test_sender_that_returns_after_a_rollback_tells_the_pages_from_before_it(
    server: RedisServer, position: int
) -> None:
    with Site(server) as site:
        knows = site.sender()
        page = site.page(["a"])
        site.send(1, sender=knows)
        page.wait_for(1)
        if position == 1:
            page.disconnect()
        site.send(2, sender=knows)
        server.save()
        if position == 2:
            page.wait_for(2)
            page.disconnect()
        site.send(3, 4, sender=knows)
        if position == AHEAD:
            page.wait_for(4)
        site.end_process()
        server.roll_back()
        site.start_process()
        site.send(5)
        page.connect(site.process)
        page.wait_for(5)
        assert page.told == (GAP if position == AHEAD else NOTHING)
        site.send(6, sender=knows)
        page.wait_for(6)
        page.wait_until(lambda: page.told == GAP)
        site.send(7)
        page.wait_for(7)
        assert page.values == [*taken(position), 5, 6, 7]
        assert page.told == GAP  # once


def test_rollbacks_one_after_the_other_are_one_gap_each(server: RedisServer) -> None:
    with Site(server) as site:
        page = site.page(["a"])
        expected = []
        for number in range(1, 20):
            site.send(f"{number} kept")
            server.save()
            site.send(f"{number} lost")
            page.wait_for(f"{number} lost")
            server.roll_back()
            page.wait_until(lambda n=number: page.told == (n, "epoch"))
            expected += [f"{number} kept", f"{number} lost"]
        site.send("last")
        page.wait_for("last")
        assert page.values == [*expected, "last"]
