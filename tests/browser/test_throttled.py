"""The property `throttle`: the least time between two updates."""

from harness.app import contiguous, offsets
from harness.wait import wait_for

APP = "room"
PIPE = {"channel_name": "often", "throttle": 400}

THROTTLE = 0.4


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
    assert len(calls) > 1
    # All together, as one request may take longer than the next; half of it is more than they take.
    assert calls[-1].time - calls[0].time > (len(calls) - 1) * THROTTLE / 2
