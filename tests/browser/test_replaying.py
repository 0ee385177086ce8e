"""The property `replay`: the current state on page load."""

from harness.app import heard

APP = "room"
PIPE = {"channel_name": "state", "label": ["heat", "light"], "replay": 1}


def test_page_load_replays_newest_message_of_each_label(app, browser):
    app.send(
        ("state", "light", "off"),
        ("state", "light", "on"),
        *[("state", "heat", n) for n in range(20)],
        ("state", "else", "not asked for"),
    )
    browser.open(app.url)
    browser.wait_for_text("value", "19")
    assert heard(app.calls("show")) == ["on", 19]
    app.send(("state", "light", "off again"))
    browser.wait_for_text("value", "off again")
    assert heard(app.calls("show")) == ["on", 19, "off again"]


def test_page_reload_replays_newest_messages_again(app, browser):
    app.send(("state", "light", "dim"), ("state", "heat", 21))
    for _ in range(2):
        browser.open(app.url)
        browser.wait_for_text("value", "21")
    assert heard(app.calls("show")) == ["dim", 21] * 2
