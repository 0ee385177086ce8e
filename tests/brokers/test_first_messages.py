"""Redis forgets a channel that had no message, as far as the process knows."""

import pytest

from brokers.site import Site
from dash_pipe.brokers.redis import pulse
from harness.page import NOTHING, UNKNOWN
from harness.redis import RedisServer
from harness.wait import wait_for


def test_first_messages_lost_while_the_process_was_cut_off_are_told_as_unknown(
    server: RedisServer,
) -> None:
    with Site(server) as site:
        page = site.page(["a"])
        with site.cut_off():
            site.send(1, 2, 3)
            server.kill9()  # nothing was saved
            server.start()
        page.wait_until(lambda: page.told == UNKNOWN)
        site.send(4, 5)
        page.wait_for(5)
        assert page.values == [4, 5]
        assert page.told == UNKNOWN


def test_first_messages_lost_and_followed_by_others_all_later_ones_arrive(
    server: RedisServer,
) -> None:
    with Site(server) as site:
        page = site.page(["a"])
        with site.cut_off():
            site.send(1, 2, 3)
            server.kill9()
            server.start()
            site.send(4, 5)
        page.wait_for(5)
        assert page.values == [4, 5]
        assert page.told == UNKNOWN


def test_empty_channel_forgotten_while_the_process_is_connected_is_no_loss(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not `hasty`: a reconnect would make it unknown whether there was a message.
    monkeypatch.setattr(pulse, "PING_SECONDS", 0.3)
    with Site(server) as site:
        page = site.page(["a"])
        (key,) = server.keys()
        server.ask("FLUSHALL")
        wait_for(lambda: server.keys() == [key], "the log to be there again")
        site.send(1)
        page.wait_for(1)
        assert page.told == NOTHING
