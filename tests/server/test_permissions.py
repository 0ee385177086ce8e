"""Logout, block, expiry and revoke with the sessions of each framework: what a page still hears.

Each test sends before and after the moment. Nothing that is sent after it may arrive, and the
page has to know soon.
"""

import json
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from http.cookiejar import CookieJar
from itertools import count

import pytest

from dash_pipe.errors import EndpointUnavailableError, ListenDeniedError
from harness.environment import environment
from harness.redis import RedisServer
from harness.server import Server
from harness.wait import TIMEOUT
from harness.ws import PipeClient

HOSTS = {
    "flask-loop": ("werkzeug", "members"),
    "flask-thread": ("werkzeug-threads", "members"),
    "flask-gevent": ("gunicorn-gevent", "members"),
    "fastapi": ("uvicorn", "members"),
    "quart": ("hypercorn", "members"),
    "django": ("django-uvicorn", "members_site"),
}
WITHIN = 3.0  # seconds until the page knows; a busy machine takes more than one


class Visitor:
    """A browser: its cookies, and its websocket."""

    def __init__(self, url, name):
        self._url = url
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        self.post(f"login/{name}")

    def post(self, path):
        request = urllib.request.Request(f"{self._url}/{path}", b"{}")
        request.add_header("Content-Type", "application/json")
        self._opener.open(request, timeout=30).read()

    def page(self):
        """Return a websocket with the cookies of this moment."""
        cookies = "; ".join(f"{each.name}={each.value}" for each in self._jar)
        return PipeClient(f"{self._url}/", headers=[("Cookie", cookies)])


def sent_until_it_ends(visitor, page, channel, error):
    """Send until the page's subscription ends; return what arrived, the seconds and the error."""
    began, arrived, number = time.monotonic(), [], count()

    def send_and_read():
        while time.monotonic() - began < TIMEOUT:
            visitor.post(f"send/{channel}/after-{next(number)}")
            with suppress(TimeoutError):
                arrived.extend(row[2] for row in page.rows(1, timeout=0.02))

    with pytest.raises(error) as caught:
        send_and_read()
    return arrived, time.monotonic() - began, caught.value


def heard(page):
    return [row[2] for row in page.rows(1)]


@pytest.fixture(scope="module", params=HOSTS)
def server(request, tmp_path_factory):
    host, module = HOSTS[request.param]
    directory = tmp_path_factory.mktemp("members")
    settings = {"MEMBERS_DATABASE": str(directory / "db.sqlite3")}
    if module == "members_site":
        settings["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # for `migrate` on the server's loop
    with Server(host, module, directory / "log", settings=settings) as server:
        server.framework = request.param
        yield server


def test_blocked_user_hears_nothing_sent_after_the_block(server):
    ann, bob = Visitor(server.url, "ann"), Visitor(server.url, "bob")
    with ann.page() as page, bob.page() as other:
        page.subscribe("jobs")
        other.subscribe("jobs")
        ann.post("send/jobs/before")
        assert heard(page) == heard(other) == ["before"]
        ann.post("block/ann")
        arrived, seconds, error = sent_until_it_ends(bob, page, "jobs", ListenDeniedError)
        assert arrived == []
        assert seconds < WITHIN
        assert "denied" in str(error)
        assert heard(other)[0] == "after-0"


def test_user_who_logs_out_hears_nothing_sent_after_the_logout(server):
    cat, dan = Visitor(server.url, "cat"), Visitor(server.url, "dan")
    is_in_store = server.framework == "django"
    with cat.page() as page, dan.page() as other:
        page.subscribe("jobs")
        other.subscribe("jobs")
        cat.post("logout")
        error = ListenDeniedError if is_in_store else EndpointUnavailableError
        arrived, seconds, error = sent_until_it_ends(dan, page, "jobs", error)
        assert arrived == []
        assert seconds < WITHIN
        assert heard(other)[0] == "after-0"
    assert is_in_store or error.code == 1012
    with cat.page() as again, pytest.raises(ListenDeniedError):
        again.subscribe("jobs")


def test_permission_that_ends_is_heard_no_longer(server):
    eve = Visitor(server.url, "eve")
    with eve.page() as page:
        began = time.time()
        page.subscribe("short")
        eve.post("send/short/before")
        assert heard(page) == ["before"]
        ends_at = time.time() + 1.5  # at the latest
        arrived, _, error = sent_until_it_ends(eve, page, "short", ListenDeniedError)
        assert time.time() - began > 1.4
        assert time.time() < ends_at + WITHIN
        assert arrived == [f"after-{number}" for number in range(len(arrived))]
        assert "denied" in str(error)


@pytest.mark.parametrize("host", ["gunicorn-two", "uvicorn-two"])
def test_disconnect_from_another_process_reaches_every_worker(tmp_path, host):
    code = "import dash_pipe, sys; dash_pipe.disconnect(user=sys.argv[1])"
    with RedisServer(tmp_path / "redis") as redis:
        settings = {"DASH_PIPE_BROKER": redis.url}
        with Server(host, "members", tmp_path / "log", settings=settings) as server:
            ann, bob = Visitor(server.url, "ann"), Visitor(server.url, "bob")
            pages = [ann.page() for _ in range(6)]
            other = bob.page()
            for page in [*pages, other]:
                page.__enter__()
                page.subscribe("jobs")
            began = time.monotonic()
            command = [sys.executable, "-c", code, "ann"]
            subprocess.run(command, env=environment(settings), check=True, timeout=60)
            sent = time.monotonic()
            for page in pages:
                with pytest.raises(EndpointUnavailableError) as caught:
                    page.rows(1)
                assert caught.value.code == 1012
            assert time.monotonic() - sent < WITHIN, f"begun {sent - began} s before"
            bob.post("send/jobs/1")
            assert heard(other) == ["1"]
            for page in [*pages, other]:
                page.__exit__()


def test_poll_after_a_block_is_denied(server):
    fay = Visitor(server.url, "fay")
    frame = [{"type": "subscribe", "channel": "jobs", "labels": None}]

    def poll():
        request = urllib.request.Request(f"{server.url}/_pipe/poll", json.dumps(frame).encode())
        with fay._opener.open(request, timeout=30) as answer:
            return json.loads(answer.read())[0]["type"]

    assert poll() == "subscribed"
    fay.post("block/fay")
    assert poll() == "error"
