"""Dash Pages: a Pipe is unmounted with its page and mounted again."""

import pytest

from harness.app import contiguous, heard, offsets
from harness.wait import wait_for

APP = "paged"
VISITS = 3  # Chromium may drop a page that it has cached, on a busy machine say


@pytest.mark.websocket
def test_pipe_remounted_within_seconds_receives_missed_messages(app, browser, proxy):
    browser.open(proxy.url)
    browser.wait_open()
    app.send(("pages", "any", "one"))
    browser.wait_for_text("value", "one")
    browser.click("to-second")
    browser.find("#is-second")
    app.send(("pages", "any", "two"))
    browser.click("to-first")
    browser.find("#is-first")
    browser.wait_for_text("value", "two")
    app.send(("pages", "any", "three"))
    browser.wait_for_text("value", "three")
    assert contiguous(offsets(app.calls("show")))
    assert len(offsets(app.calls("show"))) == 3
    assert proxy.count("/_pipe/ws") == 1


@pytest.mark.websocket
def test_pipe_with_same_id_on_next_page_keeps_position(app, browser, proxy):
    browser.open(proxy.url)
    browser.wait_open()
    browser.run("const now = performance.now(); performance.now = () => now;")
    app.send(("pages", "any", 0))
    browser.wait_for_text("value", "0")
    # The throttle's clock is stopped, so these wait in the page until the Pipe is unmounted.
    app.send(*[("pages", "any", n) for n in range(1, 10)])
    browser.click("to-third")
    browser.find("#is-third")
    browser.wait_for_text("value", "9")
    assert heard(app.calls("show")) == list(range(10))
    assert proxy.count("/_pipe/ws") == 1


@pytest.mark.websocket
def test_pipe_remounted_after_linger_time_receives_missed_messages(app, browser, proxy):
    browser.open(proxy.url)
    browser.wait_open()
    app.send(("pages", "any", "one"))
    browser.wait_for_text("value", "one")
    browser.click("to-second")
    browser.find("#is-second")
    wait_for(lambda: not proxy.open("/_pipe/ws"), "the socket to be closed, after 5 s")
    app.send(("pages", "any", "two"))
    browser.click("to-first")
    browser.wait_for_text("value", "two")
    app.send(("pages", "any", "three"))
    browser.wait_for_text("value", "three")
    assert heard(app.calls("show")) == ["one", "two", "three"]
    assert browser.prop("pipe", "n_gaps") is None
    assert proxy.count("/_pipe/ws") == 2


@pytest.mark.cuts  # Chromium's back-forward cache closes websockets, with a line in the console
def test_page_restored_from_back_forward_cache_receives_missed_messages(app, browser, proxy):
    browser.open(proxy.url)
    for number in range(VISITS):
        browser.wait_open()
        app.send(("pages", "any", f"one {number}"))
        browser.wait_for_text("value", f"one {number}")
        browser.run("window.kept = true")
        browser.driver.get(proxy.url + "/_test/calls")
        app.send(("pages", "any", f"two {number}"))
        browser.driver.back()
        if browser.run("return window.kept"):
            break
    else:
        reasons = "return performance.getEntriesByType('navigation')[0].notRestoredReasons"
        pytest.fail(f"the page was loaded again each time: {browser.run(reasons)}")
    app.send(("pages", "any", "three"))
    browser.wait_for_text("value", "three")
    assert heard(app.calls("show"))[-3:] == [f"one {number}", f"two {number}", "three"]


def test_pipe_remounted_repeatedly_is_subscribed_once(app, browser):
    browser.open(app.url)
    for _ in range(5):
        browser.click("to-second")
        browser.find("#is-second")
        browser.click("to-first")
        browser.find("#is-first")
    browser.wait_open()
    app.send(("pages", "any", "once"))
    browser.wait_for_text("value", "once")
    assert len(app.calls("show")) == 1
    assert browser.prop("pipe", "n_messages") == 1
