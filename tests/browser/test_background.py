"""Background callbacks: a Pipe waits for the end of the job, not of the request that started it."""

from itertools import chain

from harness.app import heard
from harness.wait import wait_for, wait_for_value

APP = "background"
HOSTS = ("werkzeug",)

COUNT = 40


def test_background_callback_holds_only_its_own_pipe(app, browser):
    browser.open(app.url)
    browser.wait_open("pipe", "beside")

    def calls():
        return browser.prop("calls", "data") or []

    # Each is a job; what comes while it runs is in the next.
    app.send(*[("work", "any", n) for n in range(COUNT)], every=0.05)
    app.send(("work", "any", "last"))
    wait_for(lambda: calls() and calls()[-1][-1] == "last", "the last job", timeout=60)
    assert list(chain(*calls())) == [*range(COUNT), "last"]
    assert len(calls()) < COUNT / 4
    all_ = [*range(COUNT), "last"]
    wait_for_value(lambda: heard(app.calls("beside")), all_, "what the other heard to be")
    assert len(app.calls("beside")) > len(calls())
