"""Apps under paths of another server: DispatcherMiddleware, and mounts of FastAPI."""

import pytest

from harness.app import App

APP = "dispatched"
HOSTS = ("gunicorn-sync", "waitress", "uvicorn")


@pytest.fixture
def app(server):
    return App(f"{server.url}/one")


def test_apps_under_paths_use_own_endpoints_and_share_channels(
    app, server, browser, second_browser
):
    browser.open(f"{server.url}/one/")
    second_browser.open(f"{server.url}/two/")
    for one in (browser, second_browser):
        one.wait_open()
    app.send(("far", "any", "near"))
    browser.wait_for_text("value", "/one: near")
    second_browser.wait_for_text("value", "/two: near")
    assert [len(App(server.url + path).calls("show")) for path in ("/one", "/two")] == [1, 1]
