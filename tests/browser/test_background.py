"""Background callbacks: a Pipe waits for the end of the job, not for the request that began it."""

from harness.app import heard
from harness.wait import wait_for

APP = "background"
HOSTS = ("werkzeug",)

COUNT = 40


def flat(lists):
    return [each for some in lists for each in some]


def test_a_job_in_the_background_holds_its_pipe_and_no_other(app, browser):
    browser.open(app.url)
    browser.wait_open("pipe", "beside")

    def calls():
        return browser.prop("calls", "data") or []

    # Each is a job; what comes while it runs is in the next.
    app.send(*[("work", "any", n) for n in range(COUNT)], every=0.05)
    app.send(("work", "any", "last"))
    wait_for(lambda: "last" in flat(calls()), "the last job", timeout=60)
    assert flat(calls()) == [*range(COUNT), "last"]
    assert len(calls()) < COUNT / 4
    assert heard(app.calls("beside")) == [*range(COUNT), "last"]
    assert len(app.calls("beside")) > len(calls())
