"""Each call of a Flask app for a page has an application context of its own, which ends with it."""

import json
import urllib.request

import pytest

from dash_pipe.errors import ListenDeniedError
from harness.server import Server
from harness.ws import PipeClient

PAGES = 12  # more than tests/apps/scoped.py has connections
HOSTS = ["werkzeug", "werkzeug-threads", "gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent"]
CALLED = [(host, "authorize") for host in HOSTS]
CALLED += [("gunicorn-sync", "authorize_async"), ("gunicorn-gevent", "authorize_async")]
COOKIE = ("Cookie", "name=ann")


def fetch(url, data=None):
    request = urllib.request.Request(url, data, dict([COOKIE]))
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


@pytest.fixture(params=CALLED, ids="-".join)
def server(request, tmp_path):
    host, function = request.param
    settings = {"DASH_PIPE_AUTHORIZE": f"scoped:{function}"}
    with Server(host, "scoped", tmp_path / "log", settings=settings) as server:
        yield server


def test_application_context_of_each_question_is_torn_down(server):
    for _ in range(PAGES):
        with PipeClient(f"{server.url}/", headers=[COOKIE]) as page:
            page.subscribe("jobs")
            page.subscribe("news")
            assert fetch(f"{server.url}/taken") == 0
    frames = [{"type": "subscribe", "channel": f"c{n}", "labels": None} for n in range(PAGES)]
    answers = fetch(f"{server.url}/_pipe/poll", json.dumps(frames).encode())
    assert [each["type"] for each in answers] == ["subscribed"] * PAGES
    assert fetch(f"{server.url}/taken") == 0


def test_user_who_is_blocked_meanwhile_may_listen_to_nothing_more(server):
    with PipeClient(f"{server.url}/", headers=[COOKIE]) as page:
        page.subscribe("jobs")
        fetch(f"{server.url}/block/ann", b"")
        with pytest.raises(ListenDeniedError):
            page.subscribe("news")
