"""Callbacks that run an event loop, on each kind of server for the websockets."""

APP = "coroutines"
HOSTS = ("gunicorn-gevent", "gunicorn-sync", "werkzeug-threads")


def test_callback_that_runs_event_loop_returns_result(app, browser):
    browser.open(app.url)
    browser.wait_open(status="open")
    for n in (1, 2):
        browser.click("run")
        browser.wait_for_text("ran", f"run {n}")
        app.send(("room", "any", n))
        browser.wait_for_text("value", str(n))
