"""A laptop that sleeps: its connection goes silent, and returns with the network."""

import pytest

from harness.app import heard
from harness.stage import mount, pipe, wait_open
from harness.wait import wait_for, wait_for_value

APP = "sleepy"
HOSTS = ("werkzeug",)

# After `stop()` no timer of the page fires that is as long as the one for a new connection, neither
# a running nor a new one. Dash needs its short ones.
TIMERS = """
    const begin = window.setTimeout;
    const running = [];
    let stopped = false;
    window.setTimeout = (call, ms = 0, ...given) => {
        if (ms < 200) return begin(call, ms, ...given);
        if (stopped) return 0;
        running.push(begin(call, ms, ...given));
        return running.at(-1);
    };
    window.stop = () => {
        stopped = true;
        running.forEach((timer) => clearTimeout(timer));
    };
"""


@pytest.mark.cuts
def test_page_after_laptop_sleep_resumes_at_its_position(app, browser, proxy):
    browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": TIMERS})
    browser.open(proxy.url)
    mount(browser, "a", channel_name="night")
    wait_open(browser, "a")
    app.send(("night", "x", "good night"))
    wait_for(lambda: app.calls("a"), "the first message")
    proxy.refuse("/_pipe")
    proxy.silence("/_pipe/ws")
    wait_for(lambda: b"no pong" in proxy.swallowed, "the server to miss the page")
    browser.wait_for_prop(pipe("a"), "status", "connecting")  # it also noticed the silence
    app.send(("night", "x", "dream"), ("night", "x", "good morning"))
    browser.run("window.stop()")
    proxy.allow()
    browser.run("window.dispatchEvent(new Event('online'))")  # as Chromium does on waking
    told = ["good night", "dream", "good morning"]
    wait_for_value(lambda: heard(app.calls("a")), told, "what it heard to be")
    assert not app.calls("gap a")
