"""Callbacks over the websocket of Dash: a Pipe waits for their end, like for a request.

Messages are counted in the calls that the Pipe triggered, which the app recorded. Results are
counted in the Store of the page: each call adds its own to those of earlier calls.
"""

from harness.app import contiguous, heard, offsets
from harness.wait import wait_for_value

APP = "socketed"
HOSTS = ("uvicorn", "hypercorn")  # Dash has such callbacks on FastAPI and Quart

COUNT = 100
EVERY = 0.01  # seconds between two messages, less than a callback's work


def test_websocket_callback_holds_its_pipe(app, browser):
    browser.open(app.url)
    browser.wait_open()
    app.send(*[("socketed", "any", n) for n in range(COUNT)], thread=True, every=EVERY)
    kept = list(range(COUNT))
    wait_for_value(lambda: browser.prop("kept", "data"), kept, "the results that are kept to be")
    calls = app.calls("keep")
    assert heard(calls) == kept
    assert contiguous(offsets(calls))
    assert {call.triggered_id for call in calls} == {"pipe"}
    assert len(calls) < COUNT / 2
    assert not browser.requests("/_dash-update-component")  # they did come over the websocket
