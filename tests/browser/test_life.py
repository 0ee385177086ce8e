"""Restarts of a server or a worker: the page reconnects and reports one gap.

These servers keep messages in memory, so a new process has none of the old ones. Each time that is
one gap with the cause "epoch". Later messages arrive.
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
HOSTS = ("werkzeug",)  # of the page that each test leaves; each has its own server
pytestmark = pytest.mark.cuts


@pytest.fixture
def serve(tmp_path, browser):
    """Return a function that serves the app, opens its page and sends a first message."""
    with contextlib.ExitStack() as stack:

        def start(host):
            server = stack.enter_context(Server(host, APP, tmp_path / "log"))
            browser.open(server.url)
            browser.wait_open()
            send_and_wait(browser, server, "first")
            return server

        yield start
        browser.fresh()


def send_and_wait(browser, server, value):
    App(server.url).send(("life", "any", value))
    browser.wait_for_text("value", value)


def wait_for_reconnect(browser, server, gaps=1):
    browser.wait_for_text("gaps", f"{gaps} epoch", timeout=60)
    browser.wait_open()
    send_and_wait(browser, server, f"after {gaps}")
    assert browser.prop("pipe", "n_gaps") == gaps
    assert browser.prop("pipe", "status") == "open"


def ask(server, path):
    with urllib.request.urlopen(server.url + path, timeout=30) as answer:
        return answer.read().decode()


def wait_for_worker(server):
    """Return the id of the process that answers."""

    def pid():
        with contextlib.suppress(OSError):
            return ask(server, "/_test/pid")

    return wait_for(pid, "an answer")


@pytest.mark.parametrize("host", ["script", "uvicorn-reload"])
def test_page_after_source_reload_reconnects_with_one_gap(serve, browser, host):
    server = serve(host)
    (APPS / f"{APP}.py").touch()
    wait_for_reconnect(browser, server)


@pytest.mark.parametrize("host", ["gunicorn-preload", "gunicorn-uvicorn"])
def test_page_after_killed_worker_reconnects_with_one_gap(serve, browser, host):
    server = serve(host)
    (worker,) = children(server.pid)
    os.kill(worker, signal.SIGKILL)
    wait_for_reconnect(browser, server)


@pytest.mark.parametrize("host", ["gunicorn-sync", "gunicorn-gevent", "gunicorn-asgi"])
def test_page_after_graceful_worker_restart_reconnects_with_one_gap(serve, browser, host):
    server = serve(host)
    os.kill(server.pid, signal.SIGHUP)
    wait_for_reconnect(browser, server)


def test_page_after_each_max_requests_restart_reconnects_with_one_gap(serve, browser):
    server = serve("gunicorn-max-requests")
    for gaps in (1, 2):
        before = wait_for_worker(server)
        wait_for(lambda before=before: wait_for_worker(server) != before, "the next worker")
        wait_for_reconnect(browser, server, gaps)


def test_page_after_worker_timeout_reconnects_with_one_gap(serve, browser):
    server = serve("gunicorn-timeout")
    with pytest.raises((urllib.error.URLError, http.client.HTTPException, ConnectionError)):
        ask(server, "/_test/hang")
    wait_for_reconnect(browser, server)


@pytest.mark.parametrize("host", ["uvicorn", "hypercorn", "daphne", "gunicorn-gthread"])
def test_page_after_server_restart_reconnects_with_one_gap(serve, browser, host):
    server = serve(host)
    server.restart()
    wait_for_reconnect(browser, server)
