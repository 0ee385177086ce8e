"""A laptop that slept: its connection died without a word, and comes back with the network."""

import pytest

from harness.app import heard
from harness.stage import mount, pipe, wait_open
from harness.wait import wait_for, wait_for_value

APP = "sleepy"
HOSTS = ("werkzeug",)

# No timer of the page rings any more, neither one that runs nor one to come.
STOP_TIMERS = """
    for (let timer = setTimeout(() => {}); timer > 0; timer--) clearTimeout(timer);
    window.ring = window.setTimeout;
    window.setTimeout = () => 0;
"""


@pytest.mark.cuts
def test_a_laptop_that_slept_goes_on_where_it_was(app, browser, proxy):
    browser.open(proxy.url)
    mount(browser, "a", channel_name="night")
    wait_open(browser, "a")
    app.send(("night", "x", "good night"))
    wait_for(lambda: app.calls("a"), "the first message")
    proxy.refuse("/_pipe")
    proxy.silence("/_pipe/ws")
    wait_for(lambda: b"no pong" in proxy.swallowed, "the server to miss the page")
    browser.wait_for_prop(pipe("a"), "status", "connecting")  # it noticed the silence, too
    app.send(("night", "x", "dream"), ("night", "x", "good morning"))
    browser.run(STOP_TIMERS)
    proxy.allow()
    browser.run("window.dispatchEvent(new Event('online'))")  # as Chromium does on waking
    wait_for(lambda: proxy.open("/_pipe/ws"), "a new connection")
    browser.run("window.setTimeout = window.ring")  # Dash needs it
    told = ["good night", "dream", "good morning"]
    wait_for_value(lambda: heard(app.calls("a")), told, "what it heard to be")
    assert not app.calls("gap a")
