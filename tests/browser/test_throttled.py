"""The property `throttle`: the least time between two updates."""

from itertools import pairwise

from harness.app import contiguous, offsets
from harness.wait import wait_for

APP = "room"
PIPE = {"channel_name": "often", "throttle": 400}

THROTTLE = 0.4
JITTER = 0.1  # the duration of a request varies


def test_throttled_updates_keep_interval_and_lose_nothing(app, browser):
    browser.open(app.url)
    browser.wait_open()
    app.send(("often", "any", 0))
    # Each is sent after the arrival of the one before: without the throttle, each is a call.
    for n in range(1, 4):
        app.send(("often", "any", n), ("often", "any", f"and {n}"))
        browser.wait_for_text("value", f"and {n}")
    calls = wait_for(lambda: app.calls("show"), "the calls")
    assert contiguous(offsets(calls))
    assert len(offsets(calls)) == 7
    apart = [after.time - before.time for before, after in pairwise(calls)]
    assert apart
    assert min(apart) > THROTTLE - JITTER
