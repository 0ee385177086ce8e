"""The first actions of a user."""

import pytest

from harness.app import contiguous, offsets
from harness.server import ASGI, WSGI
from harness.wait import wait_for

APP = "room"
HOSTS = (*WSGI, *ASGI, "werkzeug-oldest", "werkzeug-threads")


def test_click_in_one_browser_updates_both_browsers(app, browser, second_browser):
    for one in (browser, second_browser):
        one.open(app.url)
        one.wait_open()
    browser.click("tell")
    second_browser.wait_for_text("value", "click 1")
    browser.wait_for_text("value", "click 1")
    browser.click("tell")
    second_browser.wait_for_text("value", "click 2")
    wait_for(lambda: len(app.calls("show")) == 4, "one call a click and browser")


def test_message_has_documented_fields(app, browser):
    browser.open(app.url)
    browser.wait_open()
    app.send(("room", "news", {"deep": [1, None, "é"]}))
    (call,) = wait_for(lambda: app.calls("show"), "the call")
    assert call.triggered_id == "pipe"
    assert call.n_messages == 1
    assert call.values["value"] == {"deep": [1, None, "é"]}
    (message,) = call.messages
    assert message.pop("time") > 1.7e9
    assert message.pop("offset") >= 1
    assert message == {
        "channel_name": "room",
        "label": "news",
        "value": {"deep": [1, None, "é"]},
    }


def test_same_value_sent_again_fires_callback_again(app, browser):
    browser.open(app.url)
    browser.wait_open()
    for n in (1, 2, 3):
        app.send(("room", "news", "same"))
        wait_for(lambda n=n: len(offsets(app.calls("show"))) == n, f"call {n}")
    calls = app.calls("show")
    assert [call.n_messages for call in calls] == [1, 2, 3]
    assert [call.values["value"] for call in calls] == ["same"] * 3
    assert contiguous(offsets(calls))


def test_two_open_pages_each_receive_every_message(app, browser, second_browser):
    for one in (browser, second_browser):
        one.open(app.url)
        one.wait_open()
    app.send(*[("room", "news", n) for n in range(20)])
    for one in (browser, second_browser):
        one.wait_for_prop("pipe", "n_messages", 20)
    wait_for(lambda: len(offsets(app.calls("show"))) == 40, "the calls of both")
    both = sorted(offsets(app.calls("show")))
    assert contiguous(both[::2])
    assert both[::2] == both[1::2]


@pytest.mark.websocket
def test_open_page_has_one_socket_and_status_open(app, browser, proxy):
    browser.open(proxy.url)
    browser.wait_open()
    app.send(("room", "news", "hello"))
    browser.wait_for_text("value", "hello")
    assert proxy.count("/_pipe/ws") == 1
    assert browser.prop("pipe", "status") == "open"
    assert browser.prop("pipe", "n_gaps") in {None, 0}
