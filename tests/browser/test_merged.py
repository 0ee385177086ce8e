"""A click and an update within one turn of the page, which Dash merges into one call."""

from harness.app import heard

APP = "pacing"
HOSTS = ("werkzeug", "werkzeug-oldest")  # two renderers

# Clicks the button in the turn in which the Pipe has its next update.
CLICK_AFTER_UPDATE = """
    const count = () => window.dash_component_api.getLayout("click-pipe").props.n_messages ?? 0;
    const before = count();
    const queue = window.queueMicrotask.bind(window);
    window.queueMicrotask = (call) => queue(() => {
        call();
        if (count() === before || window.queueMicrotask === queue) return;
        window.queueMicrotask = queue;
        document.getElementById("click").click();
    });
"""


def test_click_within_the_turn_of_an_update_shares_its_call(app, browser):
    browser.open(app.url)
    browser.wait_open("click-pipe")
    browser.run(CLICK_AFTER_UPDATE)
    app.send(("click", "any", "with the click"))
    browser.wait_for_prop("clicks", "data", [1])
    assert heard(app.calls("click")) == ["with the click"]
    (call,) = app.calls("click")
    assert call.triggered_id == "click-pipe"  # alone it would hide the click
