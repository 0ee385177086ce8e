"""A login that guards HTTP alone, and a hook of Dash that guards websockets."""

import pytest

from harness.server import Server

APP = "locked"
HOSTS = ("uvicorn",)


def test_http_only_login_logs_that_websocket_is_unguarded(app, browser, server):
    browser.driver.get(app.url)
    assert browser.find("body").text == "log in"
    browser.driver.add_cookie({"name": "name", "value": "ann"})
    browser.open(app.url)
    browser.wait_open()
    (line,) = (line for line in server.log_text().splitlines() if "dash-pipe: " in line)
    assert "login_required on FastAPI" in line
    assert "authorize" in line
    browser.console()  # Chromium's line about the 401


@pytest.mark.denies
def test_dash_websocket_hook_that_rejects_denies_pipe(browser, tmp_path):
    with Server("uvicorn", "hooked", tmp_path / "log") as server:
        browser.driver.get(server.url)
        browser.driver.add_cookie({"name": "name", "value": "ann"})
        browser.console()
        browser.open(server.url)
        browser.wait_open(status="denied")
        assert "dash-pipe: " not in server.log_text()
        assert any("not even ann" in line for line in browser.console())
        browser.fresh()
