"""Dash Pages: a Pipe that leaves with its page and comes back with it."""

import pytest

from harness.app import contiguous, heard, offsets
from harness.wait import wait_for

APP = "paged"


@pytest.mark.websocket
def test_a_pipe_comes_back_with_its_page_and_missed_nothing(app, browser, proxy):
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
def test_the_same_id_on_the_next_page_goes_on(app, browser, proxy):
    browser.open(proxy.url)
    browser.wait_open()
    browser.run("const now = performance.now(); performance.now = () => now;")
    app.send(("pages", "any", 0))
    browser.wait_for_text("value", "0")
    # For the throttle the time of the next update never comes; so these wait when the Pipe goes.
    app.send(*[("pages", "any", n) for n in range(1, 10)])
    browser.click("to-third")
    browser.find("#is-third")
    browser.wait_for_text("value", "9")
    assert heard(app.calls("show")) == list(range(10))
    assert proxy.count("/_pipe/ws") == 1


@pytest.mark.websocket
def test_a_pipe_that_was_away_for_longer_begins_anew(app, browser, proxy):
    browser.open(proxy.url)
    browser.wait_open()
    app.send(("pages", "any", "one"))
    browser.wait_for_text("value", "one")
    browser.click("to-second")
    browser.find("#is-second")
    wait_for(lambda: not proxy.open("/_pipe/ws"), "the socket to be closed, after 5 s")
    app.send(("pages", "any", "two"))
    browser.click("to-first")
    browser.wait_open()
    app.send(("pages", "any", "three"))
    browser.wait_for_text("value", "three")
    assert heard(app.calls("show")) == ["one", "three"]
    assert browser.prop("pipe", "n_gaps") is None
    assert proxy.count("/_pipe/ws") == 2


@pytest.mark.cuts  # Chromium's back-forward cache closes what it puts aside, and says so
def test_a_page_that_the_browser_put_aside_goes_on(app, browser, proxy):
    browser.open(proxy.url)
    browser.wait_open()
    app.send(("pages", "any", "one"))
    browser.wait_for_text("value", "one")
    browser.run("window.kept = true")
    browser.driver.get(proxy.url + "/_test/calls")
    app.send(("pages", "any", "two"))
    browser.driver.back()
    assert browser.run("return window.kept"), "the page was loaded again"
    app.send(("pages", "any", "three"))
    browser.wait_for_text("value", "three")
    assert heard(app.calls("show")) == ["one", "two", "three"]


def test_going_to_and_fro_leaves_one_listener(app, browser):
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
