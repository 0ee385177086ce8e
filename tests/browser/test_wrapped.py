"""A Flask app on an ASGI server, in a wrapper that drops websockets."""

import pytest

from harness.app import App
from harness.browser import FALLEN_BACK, unexpected
from harness.server import Server

APP = "wrapped"
HOSTS = ("uvicorn-flask",)


@pytest.fixture
def make_browser(browsers):
    """Return a function that returns one browser; the tests check its console themselves."""
    browser = browsers.get(0, (1366, 768))
    browser.fresh()
    yield lambda: browser
    browser.fresh()


def send_by_click(browser):
    browser.click("tell")
    browser.wait_for_text("value", "click 1")


def test_app_in_asgi_wrapper_polls_and_warns_with_remedy(app, browser):
    browser.open(app.url)
    browser.wait_open(status="polling")
    send_by_click(browser)
    said = browser.console()
    assert unexpected(said, FALLEN_BACK) == []
    assert any("dash_pipe.asgi_app()" in line for line in said)


def test_endpoint_mounted_outside_wrapper_opens_websocket(browser, tmp_path):
    with Server("uvicorn-flask", "beside", tmp_path / "log") as server:
        browser.open(App(server.url).url)
        browser.wait_open(status="open")
        send_by_click(browser)
        browser.fresh()
    assert server.tracebacks() == []
