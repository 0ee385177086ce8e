"""Dash Pages: a Pipe that leaves with its page and comes back with it."""

from harness.app import contiguous, offsets
from harness.wait import wait_for

APP = "paged"


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


def test_the_same_id_on_the_next_page_goes_on(app, browser, proxy):
    browser.open(proxy.url)
    browser.wait_open()
    app.send(*[("pages", "any", n) for n in range(10)], thread=True)
    browser.click("to-third")
    browser.find("#is-third")
    app.send(("pages", "any", "last"))
    browser.wait_for_text("value", "last")
    wait_for(lambda: len(offsets(app.calls("show"))) == 11, "every message")
    assert contiguous(offsets(app.calls("show")))
    assert proxy.count("/_pipe/ws") == 1


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
