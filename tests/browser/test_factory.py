"""An app made with `Dash(server=False)` and `init_app`."""

from harness.server import WSGI

APP = "factory"
HOSTS = WSGI  # answer of a Flask server without an app


def test_app_with_late_server_receives_messages(app, browser):
    browser.open(app.url)
    browser.wait_open()
    app.send(("late", "any", "in time"))
    browser.wait_for_text("value", "in time")
    assert len(app.calls("show")) == 1
