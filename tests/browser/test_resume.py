"""The position of a page in a channel: disconnects, late Pipes, changed labels, replays.

Messages are counted in the calls that each Pipe triggered, which the app recorded.
"""

import pytest

from harness.app import contiguous, heard, offsets
from harness.stage import change, mount, pipe, wait_open
from harness.wait import wait_for, wait_for_value

APP = "stage"
HOSTS = ("werkzeug",)  # these tests concern the page and the log

# A replay's request, and its answer, is held until this many messages have overtaken it.
OVERTAKE = """
    window.overtaken = {replay: 0, replayed: 0};
    const waiting = [];
    const hold = (type, act) => waiting.push({type, act});
    const overtake = (rows) => {
        for (const {type, act} of waiting.slice(0, 1)) {
            overtaken[type] += rows;
            if (overtaken[type] >= %(rows)s) waiting.shift(act());
        }
    };
    window.WebSocket = class extends WebSocket {
        send(text) {
            if (JSON.parse(text).type === "replay") hold("replay", () => super.send(text));
            else super.send(text);
        }
        set onmessage(hear) {
            super.onmessage = hear && ((event) => {
                const {type, messages = []} = JSON.parse(event.data);
                if (type === "replayed") return hold("replayed", () => hear(event));
                hear(event);
                if (type === "messages") overtake(messages.length);
            });
        }
    };
"""

COUNT = 200
ROWS = 20
HOUR = 3600
DAY = 24 * HOUR


def wait_for_heard(app, slot, values):
    wait_for_value(lambda: heard(app.calls(slot)), values, f"what {slot} heard to be")


def wait_for_last(app, slot, value):
    wait_for(lambda: heard(app.calls(slot))[-1:] == [value], f"{value!r} at {slot}")


def cut(browser, proxy, slots):
    """Cut the connection of the page, and keep it cut."""
    proxy.refuse("/_pipe")
    assert proxy.cut("/_pipe") == 1
    for slot in slots:
        browser.wait_for_prop(pipe(slot), "status", "connecting")


@pytest.mark.cuts
def test_pipe_mounted_while_disconnected_starts_after_reconnect(app, browser, proxy):
    browser.open(proxy.url)
    mount(browser, "a", channel_name="dead")
    wait_open(browser, "a")
    cut(browser, proxy, "a")
    app.send(("dead", "x", 1))
    mount(browser, "b", channel_name="dead")
    mount(browser, "c", channel_name="dead", replay=1)
    browser.wait_for_prop(pipe("c"), "status", "connecting")
    app.send(("dead", "x", 2))
    proxy.allow()
    wait_open(browser, "abc")
    app.send(("dead", "x", 3))
    wait_for_heard(app, "a", [1, 2, 3])
    wait_for_heard(app, "b", [3])
    wait_for_heard(app, "c", [2, 3])


@pytest.mark.parametrize(
    ("channel", "before", "after", "expected"),
    [
        pytest.param("widened", "x", ["x", "y"], ["x1", "x2", "x3", "y3"], id="widened"),
        pytest.param(
            "widened-to-all", "x", None, ["x1", "x2", "x3", "y3", "z3"], id="widened-to-all"
        ),
        pytest.param("narrowed", ["x", "y"], "x", ["x1", "x2", "x3"], id="narrowed"),
        pytest.param("narrowed-from-all", None, ["x"], ["x1", "x2", "x3"], id="narrowed-from-all"),
        pytest.param("changed", "x", "y", ["x1", "y3"], id="changed"),
    ],
)
def test_changed_labels_keep_waiting_messages_of_kept_labels(
    app, browser, channel, before, after, expected
):
    browser.open(app.url)
    mount(browser, "a", channel_name=channel, label=before)
    mount(browser, "b", channel_name=channel)
    wait_open(browser, "ab")
    with app.closed("a"):
        app.send((channel, "x", "x1"))
        wait_for_heard(app, "a", ["x1"])
        # These wait in the page when the labels change.
        app.send((channel, "y", "y2"), (channel, "x", "x2"))
        wait_for_last(app, "b", "x2")
        change(browser, "a", label=after)
        browser.wait_for_prop(pipe("a"), "label", after)
    wait_open(browser, "a")
    app.send(*[(channel, label, f"{label}3") for label in "xyz"])
    wait_for_heard(app, "a", expected)
    assert not app.calls("gap a")


def test_changed_labels_replay_only_new_labels(app, browser):
    app.send(("relabelled", "x", "x1"), ("relabelled", "y", "y1"), ("relabelled", "y", "y2"))
    browser.open(app.url)
    mount(browser, "a", channel_name="relabelled", label="x", replay=1)
    wait_for_heard(app, "a", ["x1"])
    change(browser, "a", label=["x", "y"])
    wait_for_heard(app, "a", ["x1", "y2"])
    change(browser, "a", label=["y"])
    wait_open(browser, "a")
    app.send(("relabelled", "x", "x2"), ("relabelled", "y", "y3"))
    wait_for_heard(app, "a", ["x1", "y2", "y3"])


@pytest.mark.cuts
def test_labels_changed_while_disconnected_lose_no_messages(app, browser, proxy):
    browser.open(proxy.url)
    mount(browser, "a", channel_name="dead-labels", label="x")
    wait_open(browser, "a")
    cut(browser, proxy, "a")
    app.send(("dead-labels", "x", "x1"), ("dead-labels", "y", "y1"))
    change(browser, "a", label=["x", "y"])
    proxy.allow()
    wait_open(browser, "a")
    app.send(("dead-labels", "x", "x2"), ("dead-labels", "y", "y2"))
    wait_for_heard(app, "a", ["x1", "x2", "y2"])
    assert not app.calls("gap a")


def test_pipes_mounted_during_stream_receive_contiguous_messages(app, browser):
    browser.open(app.url)
    mount(browser, "a", channel_name="joined")
    wait_open(browser, "a")
    app.send(*[("joined", "x", n) for n in range(300)], thread=True, every=0.004)
    wait_for(lambda: len(offsets(app.calls("a"))) > 20, "the stream")
    mount(browser, "b", channel_name="joined")
    # Messages sent during the replay come live, before or after the past.
    mount(browser, "c", channel_name="joined", replay=15)
    wait_open(browser, "bc")
    wait_for_last(app, "a", 299)
    app.send(("joined", "x", 300))  # for both, although they may have come after the stream
    for slot in "abc":
        wait_for_last(app, slot, 300)
    assert heard(app.calls("a")) == list(range(301))
    joined = {slot: offsets(app.calls(slot)) for slot in "bc"}
    assert contiguous(joined["b"])
    assert contiguous(joined["c"])
    assert len(joined["b"]) < 300
    assert len(app.calls("c")[0].messages) >= 15


def test_replay_overtaken_by_live_messages_delivers_each_once(app, browser):
    browser.driver.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": OVERTAKE % {"rows": ROWS}}
    )
    browser.open(app.url)
    mount(browser, "a", channel_name="overtaken")
    wait_open(browser, "a")
    mount(browser, "c", channel_name="overtaken", replay=15)
    browser.wait_for_prop(pipe("c"), "status", "connecting")
    app.send(*[("overtaken", "x", n) for n in range(COUNT)], thread=True, every=0.004)
    for slot in "ac":
        wait_for_last(app, slot, COUNT - 1)
    overtaken = browser.run("return window.overtaken")
    assert min(overtaken["replay"], overtaken["replayed"]) >= ROWS
    assert heard(app.calls("a")) == list(range(COUNT))
    told = heard(app.calls("c"))
    assert told == list(range(told[0], COUNT))
    assert told[0] >= ROWS - 15  # the newest 15 of those, and all later messages
    # The replay, and the rows that were held until it came, but for those that are also in it.
    assert len(app.calls("c")[0].messages) > 15


@pytest.mark.parametrize(
    ("label", "expected"),
    [("x", ["x2"]), (["x", "y"], ["x2", "y2"]), (None, ["x2", "z1", "y2"])],
    ids=["one", "two", "all"],
)
def test_replay_of_one_starts_with_newest_of_each_label(app, browser, label, expected):
    channel = f"past-{label}"
    app.send(*[(channel, value[0], value) for value in ("x1", "y1", "x2", "z1", "y2")])
    browser.open(app.url)
    mount(browser, "a", channel_name=channel, label=label, replay=1)
    wait_for_heard(app, "a", expected)
    wait_open(browser, "a")
    app.send((channel, "x", "x3"))
    wait_for_heard(app, "a", [*expected, "x3"])


@pytest.mark.cuts
def test_busy_label_neither_evicts_quiet_label_nor_adds_gaps_to_it(app, browser, proxy):
    browser.open(proxy.url)
    mount(browser, "a", channel_name="noise", label="quiet")
    mount(browser, "b", channel_name="noise", label="chatty")
    wait_open(browser, "ab")
    ((_, quiet),) = app.send(("noise", "quiet", "hush"))
    wait_for_heard(app, "a", ["hush"])
    cut(browser, proxy, "ab")
    app.send(*[("noise", "chatty", n) for n in range(2000)])
    app.later(HOUR + 1)
    proxy.allow()
    wait_for_heard(app, "b", [1999])  # only the newest of its label is kept
    (gap,) = wait_for(lambda: app.calls("gap b"), "its gap")
    assert gap.values["last_gap"] == {"from": quiet, "to": quiet + 1999, "cause": "window"}
    mount(browser, "c", channel_name="noise", replay=1)
    wait_for_heard(app, "c", ["hush", 1999])
    app.send(("noise", "quiet", "hush again"))
    wait_for_heard(app, "a", ["hush", "hush again"])
    assert not app.calls("gap a")


@pytest.mark.cuts
def test_channel_forgotten_while_disconnected_is_reported_as_gap(app, browser, proxy):
    browser.open(proxy.url)
    mount(browser, "a", channel_name="forgotten")
    wait_open(browser, "a")
    ((epoch, offset),) = app.send(("forgotten", "x", "before"))
    wait_for_heard(app, "a", ["before"])
    cut(browser, proxy, "a")

    def begun_again():
        app.later(DAY + 1)
        app.send(("another", "x", "sweeps"))
        ((now, _),) = app.send(("forgotten", "x", "anew"))
        return now != epoch

    wait_for(begun_again, "the server to miss the page, and to forget the channel")
    proxy.allow()
    wait_for_heard(app, "a", ["before", "anew"])
    (gap,) = wait_for(lambda: app.calls("gap a"), "the gap")
    last_gap = {"from": gap.values["last_gap"]["from"], "to": None, "cause": "epoch"}
    assert gap.values == {"n_gaps": 1, "last_gap": last_gap}
    assert last_gap["from"] >= offset


@pytest.mark.cuts
def test_status_follows_connection_state(app, browser, proxy):
    def told():
        return [call.values["status"] for call in app.calls("status a")]

    browser.open(proxy.url)
    mount(browser, "a", channel_name="told")
    wait_for(lambda: told()[-1:] == ["open"], "the line to be open")
    before = told()
    cut(browser, proxy, "a")
    wait_for_value(told, [*before, "connecting"], "what was told to be")
    proxy.allow()
    wait_for_value(told, [*before, "connecting", "open"], "what was told to be")
    change(browser, "a", disabled=True)
    wait_for_value(told, [*before, "connecting", "open", "closed"], "what was told to be")
