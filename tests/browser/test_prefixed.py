"""An app under a path."""

from harness.wait import wait_for

APP = "room"
SETTINGS = {"DASH_URL_BASE_PATHNAME": "/some/where/"}


def test_pipe_of_app_under_prefix_receives_messages(app, browser, proxy):
    browser.open(f"{proxy.url}/some/where/")
    browser.wait_open()
    app.send(("room", "news", "near"))
    browser.wait_for_text("value", "near")
    assert proxy.count("/some/where/_pipe/") >= 1
    (call,) = wait_for(lambda: app.calls("show"), "the call")
    assert call.values == {"value": "near"}
