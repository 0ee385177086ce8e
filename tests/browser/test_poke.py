"""Publishing over HTTP: allowed from a shell, rejected from a page."""

import json
import subprocess

import pytest

from harness.app import heard
from harness.browser import DASHS_OWN, unexpected
from harness.environment import environment
from harness.server import ROOT
from harness.wait import wait_for

APP = "room"
PIPE = {"channel_name": "live_button_counter", "label": "named_counts"}  # as the README's line
SETTINGS = {"DASH_PIPE_HTTP_POKE_ENABLED": "1"}
HOSTS = ("werkzeug", "gunicorn-sync", "werkzeug-oldest", "uvicorn", "hypercorn")

README = (ROOT / "README.md").read_text(encoding="utf-8")
LINE = next(line for line in README.splitlines() if line.startswith("curl "))

# All requests that a page can make without a preflight; `done` is called after the last answer.
ATTACKS = """
    const [url, body, done] = arguments;
    const types = ["application/x-www-form-urlencoded", "text/plain", "application/json"];
    const attempt = async (options) => {
        try {
            return (await fetch(url, {method: "POST", body, ...options})).status;
        } catch {
            return 0;  // the browser did not send it, or does not show the answer
        }
    };
    const attempts = types.flatMap((type) => [
        {mode: "no-cors", headers: {"Content-Type": type}},
        {mode: "no-cors", headers: {"Content-Type": type}, referrerPolicy: "no-referrer"},
        {mode: "cors", headers: {"Content-Type": type}, credentials: "include"},
    ]);
    const form = () => new Promise((resolve) => {
        const frame = Object.assign(document.createElement("iframe"), {name: "answer"});
        const form = Object.assign(document.createElement("form"), {
            action: url, method: "post", enctype: "text/plain", target: "answer",
        });
        form.append(Object.assign(document.createElement("input"), {name: body}));
        document.body.append(frame, form);
        frame.onload = resolve;
        form.submit();
    });
    (async () => {
        const statuses = [];
        for (const each of attempts) statuses.push(await attempt(each));
        navigator.sendBeacon(url, new Blob([body], {type: types[0]}));
        await form();
        done(statuses);
    })();
"""


def poke(app, value):
    """Send a value from the shell with the README's line, changed only here."""
    port = app.url.rpartition(":")[2]
    assert LINE.count('{"click_colour":"cyan"}') == LINE.count(" http://localhost:8050/") == 1
    line = LINE.replace('{"click_colour":"cyan"}', json.dumps(value)).replace("8050", port)
    done = subprocess.run(
        line,
        shell=True,
        env=environment(),  # without the proxies of this machine
        check=True,
        capture_output=True,
        timeout=30,
    )
    return json.loads(done.stdout)


@pytest.fixture
def page(app, browser):
    """Return a page whose Pipe is open."""
    browser.open(app.url)
    browser.wait_open()
    return browser


def test_readme_curl_line_run_as_written_sends_messages(app, page):
    value = {"click_colour": "cyan"}
    for n in (1, 2):
        (position,) = poke(app, value)["positions"]
        assert position["channel_name"] == "live_button_counter"
        wait_for(lambda n=n: heard(app.calls("show")) == [value] * n, f"{n} messages in the calls")
    page.wait_for_text("value", str(value))


@pytest.mark.parametrize("own_page", [True, False], ids=["same-origin", "cross-origin"])
def test_poke_from_a_page_is_rejected(app, browser, proxy, own_page):
    browser.open(app.url if own_page else proxy.url)
    browser.wait_open()
    body = {"channel_name": "live_button_counter", "label": "named_counts", "value": "evil"}
    browser.driver.set_script_timeout(30)
    statuses = browser.driver.execute_async_script(
        ATTACKS, f"{app.url}/_pipe/poke/", json.dumps(body)
    )
    assert set(statuses) <= ({401} if own_page else {0})
    poke(app, "good")
    wait_for(lambda: heard(app.calls("show")), "the message from the shell")
    assert heard(app.calls("show")) == ["good"]
    # The console has Chromium's lines about the rejected requests, and no others.
    rejections = ("401", "CORS", "net::ERR_FAILED")
    assert unexpected(browser.console(), (*DASHS_OWN, *rejections)) == []
