"""Pacing while callbacks run: no message is skipped, and no result is lost.

Messages are counted in the calls that the Pipe triggered, which the app recorded. Results are
counted in the Stores of the page: each call adds its own to those of earlier calls.
"""

import pytest

from harness.app import heard, offsets
from harness.wait import wait_for, wait_for_value

APP = "pacing"
HOSTS = ("werkzeug", "werkzeug-oldest")  # two renderers; threads, since callbacks wait at gates

COUNT = 100
EVERY = 0.01  # seconds between two messages, less than a callback's work


# Stop the page's clock a number of milliseconds after its first stop.
SET_CLOCK = """
    window.stopped ??= performance.now();
    performance.now = () => window.stopped + arguments[0];
"""


def open_page(app, browser, *pipes):
    browser.open(app.url)
    browser.wait_open(*pipes)


def stream(channel, labels=("any",), count=COUNT):
    return [(channel, labels[n % len(labels)], n) for n in range(count)]


def wait_for_store(browser, store, data):
    wait_for_value(lambda: browser.prop(store, "data"), data, f"the data of {store} to be")


def triggers(calls):
    return {str(call.triggered_id) for call in calls}


def test_two_pipes_on_one_callback_lose_no_results(app, browser):
    open_page(app, browser, "left", "right")
    app.send(*stream("two", ("left", "right")), every=EVERY)
    wait_for(lambda: len(browser.prop("two", "data") or []) >= COUNT, "every result")
    kept = browser.prop("two", "data")
    calls = app.calls("two")
    assert heard(calls) == kept
    assert [n for n in kept if n % 2 == 0] == list(range(0, COUNT, 2))
    assert [n for n in kept if n % 2 == 1] == list(range(1, COUNT, 2))
    assert triggers(calls) <= {"left", "right"}
    assert len(calls) < COUNT / 2


def test_pipe_and_button_on_one_callback_keep_results_of_clicks(app, browser):
    open_page(app, browser, "click-pipe")
    app.send(*stream("click"), thread=True, every=EVERY)
    for n in range(1, 11):
        browser.click("click")
        wait_for_store(browser, "clicks", list(range(1, n + 1)))
    wait_for(lambda: len(heard(app.calls("click"))) == COUNT, "every message")
    by_pipe = [call for call in app.calls("click") if call.messages]
    assert heard(by_pipe) == list(range(COUNT))
    assert len(by_pipe) < COUNT / 2


def test_patches_sent_during_initial_call_are_applied_after_it(app, browser):
    with app.closed("initial"):
        open_page(app, browser, "chain-pipe")
        wait_for(lambda: app.calls("initial"), "the initial call")
        app.send(*stream("initial", count=20), every=EVERY)
        app.send(("chain", "any", "passed"))
        wait_for_store(browser, "chain", ["passed"])  # so the page has all of them
        assert not heard(app.calls("initial"))
    app.send(("initial", "any", "last"))
    wait_for_store(browser, "initial", ["begun", *range(20), "last"])
    assert heard(app.calls("initial")) == [*range(20), "last"]


def test_pipe_at_start_of_callback_chain_waits_for_its_end(app, browser):
    open_page(app, browser, "chain-pipe")
    app.send(*stream("chain"), every=EVERY)
    wait_for_store(browser, "chain", list(range(COUNT)))
    calls = app.calls("chain")
    assert heard(calls) == list(range(COUNT))
    assert len(calls) < COUNT / 2


def test_pipe_on_clientside_promise_waits_until_it_resolves(app, browser):
    open_page(app, browser, "promise-pipe")
    browser.run("window.promised = new Promise((keep) => { window.keep = keep; });")
    app.send(("promise", "any", 0))
    wait_for(lambda: browser.run("return window.heard?.length"), "the first call")
    app.send(*stream("promise", count=20)[1:], every=EVERY)
    app.send(("chain", "any", "passed"))
    wait_for_store(browser, "chain", ["passed"])  # and a Pipe that is not held goes on
    assert browser.run("return window.heard") == [["promise-pipe", [0]]]
    browser.run("window.keep();")
    wait_for_store(browser, "promise", list(range(20)))
    calls = browser.run("return window.heard")
    assert [trigger for trigger, _ in calls] == ["promise-pipe"] * len(calls)
    assert [value for _, values in calls for value in values] == list(range(20))


@pytest.mark.raises
def test_pipe_whose_callback_raises_receives_later_messages(app, browser):
    open_page(app, browser, "raise-pipe")
    with app.closed("raise"):
        app.send(("raise", "any", "raise"))
        wait_for(lambda: app.calls("raise"), "the call that will raise")
        app.send(*stream("raise", count=20), every=EVERY)
    wait_for_store(browser, "raise", list(range(20)))
    assert heard(app.calls("raise")) == ["raise", *range(20)]


def test_pipe_whose_output_is_removed_receives_later_messages(app, browser):
    open_page(app, browser, "unmount-pipe")
    with app.closed("goes"):
        app.send(("unmount", "any", 0))
        wait_for(lambda: app.calls("goes"), "the call whose output goes")
        app.send(*stream("unmount", count=10)[1:], every=EVERY)
        browser.click("remove")
        browser.wait_for_text("holder", "gone")
    app.send(*stream("unmount", count=20)[10:])
    wait_for_store(browser, "stays", list(range(20)))
    assert heard(app.calls("stays")) == list(range(20))
    assert heard(app.calls("goes")) == [0]


def test_pipe_used_only_as_state_waits_for_no_callback(app, browser):
    open_page(app, browser, "state-pipe")
    app.send(("state", "any", "before"))
    browser.wait_for_prop("state-pipe", "n_messages", 1)
    with app.closed("state"):
        browser.click("look")
        wait_for(lambda: app.calls("state"), "the call")
        app.send(("state", "any", "meanwhile"))
        browser.wait_for_prop("state-pipe", "n_messages", 2)
    wait_for_store(browser, "state", ["before"])
    browser.click("look")
    wait_for_store(browser, "state", ["meanwhile"])  # only the last update, as the docs say
    assert [call.n_messages for call in app.calls("state")] == [1, 2]


def test_pipes_in_match_and_all_callbacks_lose_no_results(app, browser):
    rooms = ("attic", "cellar")
    open_page(app, browser, *[{"type": "pipe", "room": room} for room in rooms])
    app.send(*stream("rooms", rooms), every=EVERY)
    wait_for(lambda: len(browser.prop("house", "data") or []) >= COUNT, "every result of ALL")
    for first, room in enumerate(rooms):
        wait_for_store(browser, {"type": "store", "room": room}, list(range(first, COUNT, 2)))
    assert sorted(browser.prop("house", "data")) == list(range(COUNT))
    assert heard(app.calls("house")) == browser.prop("house", "data")
    assert sorted(heard(app.calls("room"))) == list(range(COUNT))


def test_full_buffer_drops_oldest_messages_and_reports_gap(app, browser):
    open_page(app, browser, "buffer-pipe")
    with app.closed("buffer"):
        app.send(("buffer", "any", 0))
        wait_for(lambda: app.calls("buffer"), "the call that takes long")
        app.send(*stream("buffer", count=51)[1:], every=EVERY)
        app.send(("chain", "any", "passed"))
        wait_for_store(browser, "chain", ["passed"])  # so the page has all of them
    wait_for_store(browser, "buffer", [0, *range(41, 51)])
    calls = app.calls("buffer")
    first, *rest = offsets(calls)
    assert rest == [first + n for n in range(41, 51)]
    (gap,) = wait_for(lambda: app.calls("gap"), "the gap")
    assert gap.values == {
        "n_gaps": 1,
        "last_gap": {"from": first, "to": first + 40, "cause": "buffer"},
    }
    assert calls[-1].n_messages == 11


@pytest.mark.cuts
def test_status_as_input_waits_for_its_callback(app, browser, proxy):
    def told():
        return [call.values["status"] for call in app.calls("status")]

    browser.open(proxy.url)
    wait_for(lambda: browser.prop("status", "data") and told()[-1] == "open", "the page is open")
    before = told()
    with app.closed("status"):
        proxy.refuse("/_pipe")
        proxy.cut("/_pipe")
        wait_for_value(told, [*before, "connecting"], "the statuses told to be")
        proxy.allow()
        browser.wait_open("chain-pipe")
        app.send(("chain", "any", "passed"))
        wait_for_store(browser, "chain", ["passed"])
        assert told() == [*before, "connecting"]
    wait_for_store(browser, "status", [*before, "connecting", "open"])
    assert told() == browser.prop("status", "data")


def test_pipe_held_back_for_30_seconds_warns_once(app, browser):
    open_page(app, browser, "buffer-pipe")
    with app.closed("buffer"):
        app.send(("buffer", "any", 0))
        wait_for(lambda: app.calls("buffer"), "the call that takes long")
        app.send(("buffer", "any", 1))
        said = {}
        for n, milliseconds in enumerate((0, 29_000, 31_000, 90_000)):
            browser.run(SET_CLOCK, milliseconds)
            app.send(("buffer", "any", 2 + n), ("chain", "any", n))
            wait_for_store(browser, "chain", list(range(n + 1)))
            said[milliseconds] = browser.console()
    (line,) = said.pop(31_000)
    assert "buffer-pipe" in line  # who
    assert "a callback that has it as an Input has been running for 30 s" in line  # why
    assert "Give that callback its own Pipe" in line  # and what to do
    assert not any(said.values())
