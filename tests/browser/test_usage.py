"""The demo in a visitor's browser."""

import pytest

from harness.app import App
from harness.browser import PHONE
from harness.server import ROOT
from harness.wait import wait_for

APP = "usage"
DIRECTORY = ROOT
HOSTS = ("werkzeug", "gunicorn-sync", "uvicorn", "hypercorn")


@pytest.fixture
def app(server):
    """Return the demo's server; it has no routes for tests."""
    return App(server.url)


def text(browser, id_):
    return browser.find(f"#{id_}").text


def ticks(browser):
    return int(text(browser, "ticker-received") or 0)


def presses(browser):
    return text(browser, "press-log").splitlines()


def counts(browser):
    return browser.prop("presses", "data")["counts"]


def test_press_is_counted_in_open_and_in_later_browsers(app, browser, make_browser):
    browser.open(app.url)
    browser.wait_for_text("status-light", "open")
    second = make_browser(PHONE)
    second.open(app.url)
    second.wait_for_text("status-light", "open")
    before = counts(second)
    browser.click("button-cyan")
    wait_for(lambda: counts(second)["cyan"] == before["cyan"] + 1, "the press in the other")
    wait_for(lambda: presses(second)[0].startswith("button cyan at "), "its line in the log")
    second.click("button-red")
    expected = {**before, "cyan": before["cyan"] + 1, "red": before["red"] + 1}
    for one in (browser, second):
        wait_for(lambda one=one: counts(one) == expected, "both presses")
    late = make_browser()
    late.open(app.url)
    wait_for(lambda: counts(late) == expected, "the presses from before it came")


def test_ticker_updates_page_without_requests(app, browser):
    browser.open(app.url)
    browser.wait_for_text("status-light", "open")
    # At first there may be some, since the page loads.

    def quiet():
        requests, first = browser.requests("/_dash-update-component"), ticks(browser)
        wait_for(lambda: ticks(browser) > first + 120, "two seconds of it")
        return browser.requests("/_dash-update-component") == requests

    wait_for(quiet, "two seconds of ticks without a request")


def test_burst_of_messages_arrives_complete_in_few_calls(app, browser):
    browser.open(app.url)
    browser.wait_for_text("status-light", "open")
    browser.click("burst-button")
    browser.wait_for_text("burst-received", "1000")
    assert 1 <= int(text(browser, "burst-calls")) < 100
    assert text(browser, "gaps") == "0"
