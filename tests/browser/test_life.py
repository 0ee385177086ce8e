"""What happens to a server in its life: the page comes back by itself, and says what was lost.

Each of these servers keeps its messages in memory, so the new process knows none of the old one's:
that is one gap each time, of the kind "epoch", and what is sent afterwards arrives.
"""

import contextlib
import http.client
import os
import signal
import urllib.error
import urllib.request

import pytest

from harness.app import App
from harness.process import children
from harness.server import APPS, Server
from harness.wait import wait_for

APP = "life"
HOSTS = ("werkzeug",)  # of the page that each test leaves; it has a server of its own
pytestmark = pytest.mark.cuts


@pytest.fixture
def serve(tmp_path, browser):
    """Serves the app, opens its page, and hears a first message."""
    with contextlib.ExitStack() as stack:

        def start(host):
            server = stack.enter_context(Server(host, APP, tmp_path / "log"))
            browser.open(server.url)
            browser.wait_open()
            hears(browser, server, "first")
            return server

        yield start
        browser.fresh()


def hears(browser, server, value):
    App(server.url).send(("life", "any", value))
    browser.wait_for_text("value", value)


def is_back(browser, server, gaps=1):
    browser.wait_for_text("gaps", f"{gaps} epoch", timeout=60)
    browser.wait_open()
    hears(browser, server, f"after {gaps}")
    assert browser.prop("pipe", "n_gaps") == gaps
    assert browser.prop("pipe", "status") == "open"


def ask(server, path):
    with urllib.request.urlopen(server.url + path, timeout=30) as answer:
        return answer.read().decode()


def serving(server):
    """The process that answers, as soon as one does."""

    def pid():
        with contextlib.suppress(OSError):
            return ask(server, "/_test/pid")

    return wait_for(pid, "an answer")


@pytest.mark.parametrize("host", ["script", "uvicorn-reload"])
def test_page_after_source_reload_reconnects_with_one_gap(serve, browser, host):
    server = serve(host)
    (APPS / f"{APP}.py").touch()
    is_back(browser, server)


@pytest.mark.parametrize("host", ["gunicorn-preload", "gunicorn-uvicorn"])
def test_page_after_killed_worker_reconnects_with_one_gap(serve, browser, host):
    server = serve(host)
    (worker,) = children(server.pid)
    os.kill(worker, signal.SIGKILL)
    is_back(browser, server)


@pytest.mark.parametrize("host", ["gunicorn-sync", "gunicorn-gevent", "gunicorn-asgi"])
def test_page_after_graceful_worker_restart_reconnects_with_one_gap(serve, browser, host):
    server = serve(host)
    os.kill(server.pid, signal.SIGHUP)
    is_back(browser, server)


def test_page_after_each_max_requests_restart_reconnects_with_one_gap(serve, browser):
    server = serve("gunicorn-max-requests")
    for gaps in (1, 2):
        before = serving(server)
        wait_for(lambda before=before: serving(server) != before, "the next worker")
        is_back(browser, server, gaps)


def test_page_after_worker_timeout_reconnects_with_one_gap(serve, browser):
    server = serve("gunicorn-timeout")
    with pytest.raises((urllib.error.URLError, http.client.HTTPException, ConnectionError)):
        ask(server, "/_test/hang")
    is_back(browser, server)


@pytest.mark.parametrize("host", ["uvicorn", "hypercorn", "daphne", "gunicorn-gthread"])
def test_page_after_server_restart_reconnects_with_one_gap(serve, browser, host):
    server = serve(host)
    server.restart()
    is_back(browser, server)
