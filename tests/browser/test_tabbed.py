"""A Pipe in a tab comes back with it, however long it was away."""

import pytest

from harness.app import contiguous, heard, offsets
from harness.wait import wait_for

APP = "tabbed"

RECORD = """
window.sent = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (text) {
  window.sent.push(JSON.parse(text));
  send.call(this, text);
};
"""
# The page subscribes again, without the labels of the Pipe that has gone.
GONE = "return window.sent.some(({type, labels}) => type === 'subscribe' && labels.length === 1)"


@pytest.mark.websocket
def test_pipe_in_a_tab_closed_for_long_receives_missed_messages(app, browser):
    browser.open(app.url)
    browser.click("to-news")
    browser.wait_open("always", "pipe")
    app.send(("tabs", "any", "one"), ("tabs", "some", "two"))
    browser.wait_for_text("value", "two")
    browser.run(RECORD)
    browser.click("to-empty")
    browser.find("#empty")
    wait_for(lambda: browser.run(GONE), "the subscription of the Pipe to be removed, after 5 s")
    app.send(("tabs", "any", "three"), ("tabs", "some", "four"))
    browser.wait_for_text("all", "three")
    browser.click("to-news")
    browser.wait_for_text("value", "four")
    app.send(("tabs", "any", "five"))
    browser.wait_for_text("value", "five")
    browser.wait_for_text("all", "five")
    assert heard(app.calls("show")) == ["one", "two", "three", "four", "five"]
    assert contiguous(offsets(app.calls("show")))
    assert heard(app.calls("all")) == ["one", "three", "five"]
