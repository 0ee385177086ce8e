"""Sixty messages a second for a minute, through a clientside callback."""

from harness.wait import wait_for

APP = "minute"
HOSTS = ("werkzeug",)

RATE = 60
SECONDS = 60
WARM = 600  # messages after which the page has allocated its buffers
MIB = 2**20
BALLAST = 1000 * "-"  # in each message, so that kept messages show in the heap

# Compare the messages on the page's sockets with those of the Pipe. At each animation frame, check
# that the page shows the messages that had arrived before the previous frame.
WATCH = """
    window.arrived = -1;
    window.frames = {drawn: 0, dropped: 0};
    window.WebSocket = class extends WebSocket {
        constructor(...given) {
            super(...given);
            this.addEventListener("message", ({data}) => {
                const {messages = []} = JSON.parse(data);
                for (const [, , [number]] of messages) window.arrived = number;
            });
        }
    };
    let before = -1;
    requestAnimationFrame(function frame() {
        if (before >= 0) frames[(window.newest ?? -1) < before ? "dropped" : "drawn"] += 1;
        before = arrived;
        requestAnimationFrame(frame);
    });
"""

# The number of changes in Dash's store for the undo button; React's nodes lead to the store.
REMEMBERED = """
    const entries = Object.entries(document.getElementById("react-entry-point"));
    let [, node] = entries.find(([name]) => name.startsWith("__reactContainer"));
    while (!node.memoizedProps?.store) node = node.child;
    return node.memoizedProps.store.getState().history.past.length;
"""


def heap(browser):
    """Return the bytes of live JavaScript objects of the tab."""
    browser.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    metrics = browser.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize")


def test_sixty_messages_a_second_drop_no_frame_and_keep_no_memory(app, browser):
    watch = {"source": WATCH}
    cdp = browser.driver.execute_cdp_cmd
    cdp("Performance.enable", {})
    cdp("Page.addScriptToEvaluateOnNewDocument", watch)
    browser.open(app.url)
    browser.wait_open()
    count = RATE * SECONDS
    app.send(*[("ticks", "any", [n, BALLAST]) for n in range(count)], thread=True, every=1 / RATE)
    wait_for(lambda: (browser.run("return window.newest") or 0) >= WARM, "the page to be warm")
    warm = heap(browser)
    browser.wait_for_text("drawn", str(count - 1), timeout=SECONDS + 30)
    kept = heap(browser) - warm
    assert browser.run("return window.unexpected") == 0
    frames = browser.run("return window.frames")
    assert frames["drawn"] > 30 * SECONDS  # as many as a busy machine can draw
    assert frames["dropped"] <= frames["drawn"] / 100, frames
    assert kept < MIB / 2
    assert browser.run(REMEMBERED) == 0
    assert browser.prop("pipe", "n_messages") == count
