"""The memory broker with several worker processes: a mistake that is logged."""

import contextlib
import itertools
import os
import signal
import time
import urllib.request

import pytest

from dash_pipe.diagnostics import GRACE_SECONDS
from harness.app import App
from harness.process import children, open_files, stopped, workers
from harness.server import APPS, Server
from harness.wait import wait_for
from harness.ws import PipeClient

SAID = "multiple workers"
ADVICE = "DASH_PIPE_BROKER"


def listen(server):
    with PipeClient(server.url + "/") as client:
        client.subscribe("room")


def poll(server):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{server.url}/_pipe/info") as answer:
        answer.read()


@contextlib.contextmanager
def only(server, worker):
    """Have one of the workers accept all connections: the kernel may always choose the other."""
    with stopped(pid for pid in workers(server.pid) if pid != worker):
        yield


def mark(worker):
    """Return the path of the file by which siblings know that pages come to a worker, if any."""
    return next((each for each in open_files(worker) if each.endswith(f"-{worker}")), None)


def two_workers(server):
    """Wait until both workers have started: the server answers before."""
    wait_for(lambda: len(workers(server.pid)) == 2, "two workers")
    return workers(server.pid)


def until_next_look(server, act=listen):
    """Open pages until the only process has looked for siblings once more, which has a pause."""
    (worker,) = workers(server.pid) or [server.pid]

    def last_look():
        return os.stat(mark(worker)).st_mtime

    act(server)
    before = last_look()

    def looked():
        act(server)
        return last_look() > before

    wait_for(looked, "the next look for siblings")


def said_after_pages(server):
    """Open pages on each of two workers in turn until the log has the warning; return it."""
    turns = itertools.cycle(two_workers(server))

    def said():
        with only(server, next(turns)):
            listen(server)
        return SAID in server.log_text()

    wait_for(said, "the warning")
    return server.log_text()


@pytest.mark.parametrize("host", ["gunicorn-two", "uvicorn-two"])
def test_memory_broker_with_two_workers_logs_warning(tmp_path, host):
    with Server(host, "room", tmp_path / "log") as server:
        log = said_after_pages(server)
    assert 1 <= log.count(SAID) <= 2  # once in each worker that has had a browser
    assert "DASH_PIPE_BROKER=redis://" in log


def test_two_workers_of_a_configuration_file_log_warning(tmp_path):
    (tmp_path / "gunicorn.conf.py").write_text(
        "import os\nworkers = 2\nworker_class = 'uvicorn_worker.UvicornWorker'\n"
        f"chdir = {str(APPS)!r}\nbind = '127.0.0.1:' + os.environ['PORT']"
    )
    settings = {"BACKEND": "fastapi"}
    log = tmp_path / "log"
    with Server(
        "gunicorn-configured", "room", log, directory=tmp_path, settings=settings
    ) as server:
        said_after_pages(server)


def test_worker_without_pages_that_sends_is_warned(tmp_path):
    with Server("gunicorn-two", "room", tmp_path / "log") as server:
        # To one of them a page has come already, when the server was asked if it answers.
        both = two_workers(server)
        wait_for(lambda: any(map(mark, both)), "a page")
        with_page, other = sorted(both, key=lambda worker: mark(worker) is None)
        assert mark(other) is None

        def said():
            with only(server, with_page):
                listen(server)
            with only(server, other):
                App(server.url).send(("room", "news", 1))
            return SAID in server.log_text()

        wait_for(said, "the warning")


@pytest.mark.parametrize("host", ["gunicorn-sync", "werkzeug", "uvicorn"])
def test_memory_broker_with_one_process_logs_no_warning(tmp_path, host):
    with Server(host, "room", tmp_path / "log") as server:
        until_next_look(server)
        assert ADVICE not in server.log_text()


def test_one_process_in_a_wrapper_logs_no_warning(tmp_path):
    with Server("uvicorn-flask", "wrapped", tmp_path / "log") as server:
        app, begun = App(server.url), time.monotonic()

        def send():
            until_next_look(server, poll)
            app.send(("room", "news", 1))
            return time.monotonic() > begun + GRACE_SECONDS

        wait_for(send, "the end of the time in which a process may begin to serve")
        assert ADVICE not in server.log_text()


def test_two_apps_of_one_parent_log_no_warning(tmp_path):
    with (
        Server("werkzeug", "room", tmp_path / "one") as one,
        Server("werkzeug", "room", tmp_path / "two") as two,
    ):
        for server in (one, two, one):
            until_next_look(server)
            App(server.url).send(("room", "news", 1))
        assert ADVICE not in one.log_text() + two.log_text()


def test_worker_that_is_replaced_logs_no_warning(tmp_path):
    with Server("gunicorn-gthread", "room", tmp_path / "log") as server:
        for _ in range(2):
            (worker,) = children(server.pid)
            with PipeClient(server.url + "/") as client:  # it holds the old worker up
                client.subscribe("room")
                os.kill(server.pid, signal.SIGHUP)
                wait_for(lambda old=worker: children(server.pid) not in ([old], []), "a new one")
                wait_for(lambda old=worker: old not in children(server.pid), "its end")
            until_next_look(server)
            App(server.url).send(("room", "news", 1))
        assert ADVICE not in server.log_text()
