"""A server that can open websockets, behind a proxy that rejects upgrades."""

import pytest

from harness.app import contiguous, offsets
from harness.browser import FALLEN_BACK
from harness.nginx import UNAWARE, Nginx, filled
from harness.port import Port

APP = "room"
HOSTS = ("gunicorn-sync",)


@pytest.fixture
def nginx(server, tmp_path):
    port = Port()
    config = filled(UNAWARE, {":8000": f":{server.port}", ":80;": f":{port.number};"})
    with Nginx(config, port, tmp_path) as nginx:
        yield nginx


@pytest.fixture
def browser(nginx, make_browser, app):
    """Return a browser whose page is left before nginx ends and the app is checked."""
    return make_browser()


def test_page_behind_proxy_without_upgrade_polls_and_warns(app, nginx, browser):
    browser.open(nginx.url)
    browser.wait_open(status="polling")
    browser.click("tell")
    browser.wait_for_text("value", "click 1")
    browser.click("tell")
    browser.wait_for_text("value", "click 2")
    assert contiguous(offsets(app.calls("show")))
    assert browser.prop("pipe", "n_gaps") in {None, 0}
    *failed, warning = browser.console()
    assert 3 <= len(failed) <= 9, failed
    assert all(FALLEN_BACK[0] in line for line in failed)
    assert FALLEN_BACK[1] in warning
    assert "the server can open one, so a proxy or a firewall in between blocks it" in warning


def test_page_without_the_proxy_opens_websocket(app, nginx, browser):
    browser.open(app.url)
    browser.wait_open(status="open")
