"""Logout, block, expiry and revoke with the sessions of each framework: what a page still hears.

Each test sends before and after the moment. Nothing that is sent after it may arrive, and the
page has to know soon. On each framework the app is one process, or two that share a Redis: the
page comes from the one, and everything else happens in the other.
"""

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from dash_pipe.errors import EndpointUnavailableError, ListenDeniedError
from harness.environment import environment
from harness.redis import RedisServer
from harness.server import Server
from harness.visitor import Visitor, heard, sent_until_it_ends

HOSTS = {
    "flask-loop": ("werkzeug", "members"),
    "flask-thread": ("werkzeug-threads", "members"),
    "flask-gevent": ("gunicorn-gevent", "members"),
    "fastapi": ("uvicorn", "members"),
    "quart": ("hypercorn", "members"),
    "django": ("django-uvicorn", "members_site"),
    "django-daphne": ("django-daphne", "members_site"),
}
TWO = ("flask-loop", "fastapi", "quart", "django")
WITHIN = 3.0  # seconds until the page knows; a busy machine takes more than one


class Site(NamedTuple):
    """An app: where its pages come from, and where the rest happens."""

    framework: str
    listens: str
    acts: str

    def visitor(self, name):
        return Visitor(self.listens, self.acts, name)


@pytest.fixture(scope="module", params=[*HOSTS, *(f"{each}-two" for each in TWO)])
def site(request, tmp_path_factory):
    framework = request.param.removesuffix("-two")
    host, module = HOSTS[framework]
    directory = tmp_path_factory.mktemp("members")
    settings = {"MEMBERS": str(directory)}
    if module == "members_site":
        settings["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # for `migrate` on the server's loop
    with ExitStack() as ends:
        names = ["only"]
        if framework != request.param:
            redis = ends.enter_context(RedisServer(directory / "redis"))
            settings["DASH_PIPE_BROKER"] = redis.url
            names = ["listens", "acts"]
        urls = [
            ends.enter_context(Server(host, module, directory / name, settings=settings)).url
            for name in names
        ]
        yield Site(framework, urls[0], urls[-1])


def test_blocked_user_hears_nothing_sent_after_the_block(site):
    ann, bob = site.visitor("ann"), site.visitor("bob")
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


def test_user_who_logs_out_hears_nothing_sent_after_the_logout(site):
    cat, dan = site.visitor("cat"), site.visitor("dan")
    is_in_store = site.framework.startswith("django")
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


def test_permission_that_ends_is_heard_no_longer(site):
    eve = site.visitor("eve")
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


@pytest.fixture(params=["gunicorn-two", "uvicorn-two"])
def workers(request, tmp_path):
    """Yield the pages of ann and one of bob on two workers, bob, and how to run code elsewhere."""
    with ExitStack() as ends:
        redis = ends.enter_context(RedisServer(tmp_path / "redis"))
        settings = {"DASH_PIPE_BROKER": redis.url, "MEMBERS": str(tmp_path)}
        server = Server(request.param, "members", tmp_path / "log", settings=settings)
        url = ends.enter_context(server).url
        ann, bob = Visitor(url, url, "ann"), Visitor(url, url, "bob")
        pages = [ends.enter_context(each.page()) for each in [ann] * 6 + [bob]]
        for page in pages:
            page.subscribe("jobs")

        def run(code):
            command = [sys.executable, "-c", code]
            subprocess.run(command, env=environment(settings), check=True, timeout=60)

        yield pages[:6], pages[6], bob, run


def test_disconnect_from_another_process_reaches_every_worker(workers):
    pages, other, bob, run = workers
    began = time.monotonic()
    run("import dash_pipe; dash_pipe.disconnect(user='ann')")
    sent = time.monotonic()
    for page in pages:
        with pytest.raises(EndpointUnavailableError) as caught:
            page.rows(1)
        assert caught.value.code == 1012
    assert time.monotonic() - sent < WITHIN, f"begun {sent - began} s before"
    bob.post("send/jobs/1")
    assert heard(other) == ["1"]


BLOCK_AND_SEND = """
import os, pathlib, dash_pipe

pathlib.Path(os.environ["MEMBERS"], "blocked-ann").touch()
dash_pipe.revoke({arguments})
for number in range(100):
    dash_pipe.send_to_pipe_channel("jobs", "a", f"after-{{number}}")
"""


@pytest.mark.parametrize("arguments", ["user='ann'", "'jobs'", ""])
def test_nothing_sent_after_a_revoke_in_another_process_arrives_at_any_worker(workers, arguments):
    pages, other, _, run = workers
    run(BLOCK_AND_SEND.format(arguments=arguments))
    sent = time.monotonic()
    for page in pages:
        with pytest.raises(ListenDeniedError):
            page.rows(1)  # a message that came before would be returned
    assert time.monotonic() - sent < WITHIN
    assert [row[2] for row in other.rows(100)] == [f"after-{number}" for number in range(100)]


def test_poll_after_a_block_is_denied(site):
    fay = site.visitor("fay")
    frame = [{"type": "subscribe", "channel": "jobs", "labels": None}]

    def poll():
        return json.loads(fay.poll(json.dumps(frame).encode()))[0]["type"]

    assert poll() == "subscribed"
    fay.post("block/fay")
    assert poll() == "error"
