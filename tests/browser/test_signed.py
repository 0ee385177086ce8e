"""Tokens of a protected channel, in a page."""

import pytest

from harness.app import heard, offsets
from harness.wait import wait_for, wait_for_value

APP = "signed"
HOSTS = ("werkzeug", "uvicorn", "hypercorn", "waitress")  # Flask, FastAPI, Quart, polls
SETTINGS = {"DASH_PIPE_TOKEN_KEYS": "only for tests", "DASH_PIPE_POLL_INTERVAL": "0.5"}


def send(app, *values):
    app.send(*(("user-7", "a", value) for value in values))


@pytest.mark.denies
def test_fresh_token_of_a_callback_lets_a_denied_pipe_continue_where_it_was(app, browser):
    browser.open(app.url)
    browser.wait_open()
    send(app, "before")
    browser.click("ending")
    browser.wait_open("pipe", status="denied")
    send(app, "while", "it was", "denied")
    browser.click("fresh")
    browser.wait_open()
    send(app, "after")
    values = ["before", "while", "it was", "denied", "after"]
    wait_for_value(lambda: heard(app.calls("hear")), values, "the messages to be")
    first, *rest = offsets(app.calls("hear"))
    assert rest == [first + 1, first + 2, first + 3, first + 4]
    assert browser.prop("pipe", "n_gaps") is None


def test_page_fetches_fresh_tokens_by_itself(app, browser):
    browser.open(app.url)
    browser.wait_open()
    browser.click("refreshed")
    # The third is fetched with the second, after the first has ended.
    wait_for(lambda: browser.requests("/_pipe/token") >= 3, "three fresh tokens", 30)
    send(app, 1, 2)
    wait_for_value(lambda: heard(app.calls("hear")), [1, 2], "the messages to be")
    browser.wait_open()
