"""Redis or the window loses messages: pages that lost none of theirs count no gap."""

from collections.abc import Sequence

import pytest

from brokers.site import Site
from dash_pipe.brokers import Broker
from harness.page import NOTHING
from harness.redis import RedisServer

WINDOW_GAP = (1, "window")


# Cut off while a label overflows the window


@pytest.mark.parametrize("label", ["quiet", "never sent"])
def test_quiet_label_counts_no_gap_when_another_overflowed_while_cut_off(
    server: RedisServer, label: str
) -> None:
    with Site(server, messages=5) as site:
        pages = {name: site.page([name]) for name in (label, "chatty")}
        site.send("hush", label="quiet")
        site.send(*range(3), label="chatty")
        pages["chatty"].wait_for(2)
        with site.cut_off():
            site.send(*range(3, 30), label="chatty")
        pages["chatty"].wait_for(29)
        assert pages["chatty"].values == [0, 1, 2, 25, 26, 27, 28, 29]
        assert pages["chatty"].told == WINDOW_GAP
        site.send("last", label=label)
        pages[label].wait_for("last")
        assert pages[label].values == (["hush", "last"] if label == "quiet" else ["last"])
        assert pages[label].told == NOTHING


def test_quiet_label_of_a_returning_page_counts_no_gap_after_an_overflow_while_cut_off(
    server: RedisServer,
) -> None:
    with Site(server, messages=5) as site:
        other, page = site.page(), site.page(["quiet"])
        site.send("hush", label="quiet")
        page.wait_for("hush")
        page.disconnect()
        with site.cut_off():
            site.send(*range(30), label="chatty")
        other.wait_for(29)
        page.connect(site.process)
        assert page.recovered[-1] is True
        site.send("last", label="quiet")
        page.wait_for("last")
        assert page.told == NOTHING


# More labels than are kept


def send_each(site: Site, labels: Sequence[str], sender: Broker) -> None:
    for label in labels:
        site.send(label, label=label, sender=sender)


@pytest.mark.parametrize("kept", [4, 256])
@pytest.mark.parametrize("known", [True, False], ids=["with-message", "without-message"])
def test_returning_pipe_that_lost_nothing_counts_no_gap_with_more_labels_than_kept(
    server: RedisServer, kept: int, known: bool
) -> None:
    with Site(server, messages=10, labels=kept) as site:
        other, page = site.page(), site.page(["mine"])
        sender = site.sender()
        if known:
            site.send("first", label="mine", sender=sender)
            page.wait_for("first")
        site.send("start", label="other", sender=sender)
        page.disconnect()
        labels = [f"user {number}" for number in range(300)]
        send_each(site, labels, sender)
        send_each(site, labels, sender)
        other.wait_for(labels[-1])
        page.connect(site.process)
        site.send("last", label="mine", sender=sender)
        page.wait_for("last")
        assert page.told[0] == 0
        if kept == 256:  # a loss of each of these labels is known
            assert page.recovered[-1] is True
            assert page.told == NOTHING


@pytest.mark.parametrize("kept", [4, 256])
def test_returning_pipe_whose_message_was_lost_is_told_with_more_labels_than_kept(
    server: RedisServer, kept: int
) -> None:
    with Site(server, messages=10, labels=kept) as site:
        other, page = site.page(), site.page(["mine"])
        sender = site.sender()
        site.send("start", label="other", sender=sender)
        page.disconnect()
        site.send("lost", label="mine", sender=sender)
        labels = [f"user {number}" for number in range(300)]
        send_each(site, labels, sender)
        other.wait_for(labels[-1])
        page.connect(site.process)
        assert page.recovered[-1] is not True
        site.send("last", label="mine", sender=sender)
        page.wait_for("last")
        assert page.values == ["last"]
        assert page.told == (WINDOW_GAP if kept == 256 else (0, "unknown"))


# Redis forgets, or evicts


@pytest.mark.usefixtures("hasty")
def test_flushall_is_told_without_a_sender(server: RedisServer) -> None:
    with Site(server) as site:
        page = site.page(["a"])
        site.send(1)
        page.wait_for(1)
        server.ask("FLUSHALL")
        page.wait_until(lambda: page.told == (1, "epoch"))
        site.send(2)
        page.wait_for(2)
        assert page.values == [1, 2]
        assert page.told == (1, "epoch")


def parts(server: RedisServer) -> list[str]:
    """Return the last word of each key of the channel."""
    keys = server.keys()
    return [key.rpartition(":")[2] for key in keys]


def fill(site: Site) -> None:
    """Send so much that every part of a log is there."""
    site.send("hush", label="quiet")
    for label in "abcabcab":
        site.send(label, label=label)


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize("away", [False, True], ids=["connected", "away"])
def test_page_that_lost_nothing_counts_no_gap_when_any_part_but_meta_is_evicted(
    server: RedisServer, away: bool
) -> None:
    told = {}
    with Site(server, messages=3, labels=3) as site:
        fill(site)
        for part in parts(server):
            server.ask("FLUSHALL")
            fill(site)
            page = site.page(["a"])
            site.send("before", label="a")
            page.wait_for("before")
            if away:
                page.disconnect()
                site.wait_for_release()
            assert server.ask("DEL", f"dash-pipe:{{jobs}}:{part}") == 1
            if away:
                page.connect(site.process)
            site.send("after", label="a")
            page.wait_for("after")
            assert page.values == ["before", "after"]
            told[part] = page.told[0]
            page.disconnect()
            site.wait_for_release()
    assert told == {part: int(part == "meta") for part in told}
    assert len(told) > 4
