"""A value that looks like a Patch, which Dash would apply."""

from harness.app import contiguous, heard, offsets
from harness.wait import wait_for

APP = "room"
HOSTS = ("werkzeug", "werkzeug-oldest")  # only the browser matters

PATCH = {
    "__dash_patch_update": "__dash_patch_update",
    "operations": [{"operation": "Append", "location": [], "params": {"value": 1}}],
}


def test_patch_sent_as_value_is_delivered_as_message(app, browser):
    browser.open(app.url)
    browser.wait_open()
    app.send(("room", "news", "before"), ("room", "news", PATCH), ("room", "news", "after"))
    wait_for(lambda: len(offsets(app.calls("show"))) == 3, "all three messages")
    calls = app.calls("show")
    assert contiguous(offsets(calls))
    assert heard(calls) == ["before", PATCH, "after"]


def test_value_prop_after_patch_message_keeps_previous_value(app, browser):
    browser.open(app.url)
    browser.wait_open()
    app.send(("room", "news", "before"))
    browser.wait_for_text("value", "before")
    app.send(("room", "news", PATCH))
    wait_for(lambda: len(app.calls("show")) == 2, "the call")
    assert heard(app.calls("show")) == ["before", PATCH]
    assert [call.values["value"] for call in app.calls("show")] == ["before"] * 2
    app.send(("room", "news", "after"))
    browser.wait_for_text("value", "after")
