"""With Dash's dev tools, the console says which labels a channel has had."""

from harness.wait import wait_for

APP = "misspelt"


def test_console_names_the_labels_of_the_channel_if_a_label_never_had_a_message(app, browser):
    app.send(("jobs", "done", 1), ("jobs", "progress", 2))
    browser.open(app.url)
    browser.wait_open()
    lines = []

    def told():
        lines.extend(browser.console())
        return any("nothing with label progres" in line for line in lines)

    wait_for(told, "the console to name the labels")
    (line,) = (line for line in lines if "nothing with label" in line)
    assert "channel jobs has 2 messages of the last hour, labels: progress, done; " in line
