"""Bursts, equal values and a restart in other browsers, which differ in sockets and timers."""

from harness.app import heard
from harness.wait import wait_for_value

COUNT = 500


def test_burst_of_500_arrives_in_order(app, page):
    app.send(*[("room", "news", n) for n in range(COUNT)], thread=True, every=0.001)
    wait_for_value(lambda: heard(app.calls()), list(range(COUNT)), "what the callbacks heard to be")
    page.wait_for_prop("value", COUNT - 1)
    assert page.prop("n_messages") == COUNT
    assert not page.prop("n_gaps")


def test_equal_values_fire_the_callback_each_time(app, page):
    for count in range(1, 4):
        app.send(("room", "news", "same"))
        wait_for_value(
            lambda: heard(app.calls()), ["same"] * count, "what the callbacks heard to be"
        )
    assert len(app.calls()) == 3


def test_page_after_server_restart_reconnects_with_one_gap(app, page, server):
    app.send(("room", "news", "before"))
    page.wait_for_text("value", "before")  # no call is under way
    server.stop()
    page.wait_for_prop("status", "connecting")
    server.start()
    page.wait_for_prop("status", "open")
    app.send(("room", "news", "after"))
    page.wait_for_text("value", "after")
    assert page.prop("n_gaps") == 1
    assert heard(app.calls()) == ["after"]  # those of the new server
