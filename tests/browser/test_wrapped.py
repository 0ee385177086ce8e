"""A Flask app on an ASGI server."""

import pytest

from harness.app import App
from harness.browser import FALLEN_BACK, unexpected
from harness.server import Server

APP = "wrapped"
HOSTS = ("uvicorn-flask",)


@pytest.fixture
def make_browser(browsers):
    """One browser, whose console the tests look at themselves."""
    browser = browsers.get(0, (1366, 768))
    browser.fresh()
    yield lambda: browser
    browser.fresh()


def hears_a_click(browser):
    browser.click("tell")
    browser.wait_for_text("value", "click 1")


def test_in_a_wrapper_it_polls_and_says_what_to_do(app, browser):
    browser.open(app.url)
    browser.wait_open(status="polling")
    hears_a_click(browser)
    said = browser.console()
    assert unexpected(said, FALLEN_BACK) == []
    assert any("dash_pipe.asgi_app()" in line for line in said)


def test_with_the_endpoint_mounted_beside_it_it_has_a_websocket(browser, tmp_path):
    with Server("uvicorn-flask", "beside", tmp_path / "log") as server:
        browser.open(App(server.url).url)
        browser.wait_open(status="open")
        hears_a_click(browser)
        browser.fresh()
    assert server.tracebacks() == []
