"""Properties of a subscribed Pipe that callbacks change."""

from harness.app import heard

APP = "switches"


def test_disabled_pipe_receives_nothing_until_enabled(app, browser):
    browser.open(app.url)
    browser.wait_open()
    app.send(("switched", "a", 1))
    browser.wait_for_text("value", "1")
    browser.click("off")
    browser.wait_for_prop("pipe", "status", "closed")
    app.send(("switched", "a", 2))
    browser.click("on")
    browser.wait_open()
    app.send(("switched", "a", 3))
    browser.wait_for_text("value", "3")
    assert heard(app.calls("show")) == [1, 3]
    assert browser.prop("pipe", "n_gaps") in {None, 0}


def test_label_set_by_callback_changes_received_messages(app, browser):
    browser.open(app.url)
    browser.wait_open()
    app.send(("switched", "b", "not yet"), ("switched", "a", "old"))
    browser.wait_for_text("value", "old")
    browser.click("b")
    browser.wait_for_prop("pipe", "label", "b")
    browser.wait_open()
    app.send(("switched", "a", "no longer"), ("switched", "b", "new"))
    browser.wait_for_text("value", "new")
    assert heard(app.calls("show")) == ["old", "new"]
