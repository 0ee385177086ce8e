"""Channels and labels are kept apart."""

import pytest

from harness.app import heard
from harness.wait import wait_for

APP = "labels"

LISTENERS = ("one-a", "one-b", "one-ab", "one-any", "two-a")


def test_pipe_receives_only_its_labels_of_its_channel(app, browser):
    browser.open(app.url)
    browser.wait_open(*LISTENERS)
    app.send(
        ("one", "a", 1),
        ("two", "a", 2),
        ("one", "b", 3),
        ("two", "b", 4),
        ("three", "a", 5),
        ("one", "c", 6),
        # the last of each, so nothing can still be on its way
        ("two", "a", "end"),
        ("one", "a", "end"),
        ("one", "b", "end"),
    )

    def by(listener):
        return heard(app.calls(listener))

    wait_for(lambda: len(by("one-any")) == 5, "all of channel one")
    wait_for(lambda: "end" in by("two-a"), "the last of channel two")
    wait_for(lambda: by("one-ab").count("end") == 2, "the last of both labels")
    wait_for(lambda: "end" in by("one-a") and "end" in by("one-b"), "the last of each label")
    assert {listener: by(listener) for listener in LISTENERS} == {
        "one-a": [1, "end"],
        "one-b": [3, "end"],
        "one-ab": [1, 3, "end", "end"],
        "one-any": [1, 3, 6, "end", "end"],
        "two-a": [2, "end"],
    }


@pytest.mark.websocket
def test_five_pipes_on_one_page_share_one_socket(app, browser, proxy):
    browser.open(proxy.url)
    browser.wait_open(*LISTENERS)
    assert proxy.count("/_pipe/ws") == 1
