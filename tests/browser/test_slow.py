"""Many messages for a slow callback, with and without disconnects."""

import pytest

from harness.app import contiguous, heard, offsets
from harness.server import ASGI, WSGI
from harness.wait import wait_for

APP = "slow"
HOSTS = (*WSGI, *ASGI, "werkzeug-oldest")

COUNT = 1000


def ticks(count, first=0):
    return [("slow", "tick", n) for n in range(first, first + count)]


def test_slow_callback_receives_each_of_thousand_messages_once(app, browser):
    browser.open(app.url)
    browser.wait_open()
    app.send(*ticks(COUNT))
    browser.wait_for_prop("pipe", "n_messages", COUNT)
    browser.wait_for_text("last", str(COUNT - 1))
    calls = app.calls("work")
    assert {call.triggered_id for call in calls} == {"pipe"}
    assert heard(calls) == list(range(COUNT))
    assert contiguous(offsets(calls))
    assert calls[-1].n_messages == COUNT


@pytest.mark.cuts
@pytest.mark.websocket
def test_connection_cut_during_stream_loses_and_repeats_nothing(app, browser, proxy):
    browser.open(proxy.url)
    browser.wait_open()
    for first in range(0, COUNT, 250):
        calls = len(app.calls("work"))
        app.send(*ticks(250, first), thread=True)
        wait_for(lambda calls=calls: len(app.calls("work")) > calls, "a call for some of them")
        wait_for(lambda: proxy.cut("/_pipe/ws"), "a socket to cut")
    app.send(*ticks(1, first=COUNT))
    browser.wait_for_text("last", str(COUNT), timeout=60)
    calls = app.calls("work")
    assert heard(calls) == list(range(COUNT + 1))
    assert contiguous(offsets(calls))
    assert not app.calls("gap")
    assert proxy.count("/_pipe/ws") == 1 + COUNT // 250


@pytest.mark.cuts
@pytest.mark.websocket
def test_messages_sent_while_disconnected_arrive_after_reconnect(app, browser, proxy):
    browser.open(proxy.url)
    browser.wait_open()
    proxy.refuse()
    assert proxy.cut("/_pipe/ws") == 1
    browser.wait_for_prop("pipe", "status", "connecting")
    app.send(*ticks(100))
    proxy.allow()
    browser.wait_for_prop("pipe", "n_messages", 100, timeout=60)
    browser.wait_for_text("last", "99")
    assert heard(app.calls("work")) == list(range(100))
    assert not app.calls("gap")


@pytest.mark.cuts
def test_page_after_server_kill_reconnects_and_reports_gap(app, browser, server):
    browser.open(app.url)
    browser.wait_open()
    app.send(*ticks(3))
    browser.wait_for_text("last", "2")
    before = offsets(app.calls("work"))[-1]
    server.kill9()
    server.start()
    browser.wait_for_text("gap", "1", timeout=60)
    browser.wait_open()
    gap = browser.prop("pipe", "last_gap")
    assert gap["cause"] == "epoch"
    assert gap["from"] >= before
    app.send(*ticks(5))
    browser.wait_for_text("last", "4")
    assert heard(app.calls("work")) == list(range(5))
    assert [call.values for call in app.calls("gap")] == [{"n_gaps": 1, "last_gap": gap}]


@pytest.mark.cuts
def test_messages_sent_to_new_server_before_reconnect_arrive(app, browser, server):
    browser.open(app.url)
    browser.wait_open()
    app.send(*ticks(3))
    browser.wait_for_text("last", "2")
    server.kill9()
    server.start()
    app.send(*ticks(20))
    browser.wait_for_text("last", "19", timeout=60)
    assert heard(app.calls("work")) == list(range(20))
    browser.wait_for_prop("pipe", "n_gaps", 1)


@pytest.mark.cuts
def test_page_after_graceful_restart_reconnects(app, browser, server):
    browser.open(app.url)
    browser.wait_open()
    app.send(*ticks(1))
    browser.wait_for_text("last", "0")
    server.restart()
    browser.wait_for_text("gap", "1", timeout=60)
    browser.wait_open()
    app.send(*ticks(2))
    browser.wait_for_text("last", "1")
