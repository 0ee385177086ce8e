"""Processes that an app starts, and that send without a broker between them."""

import json
import urllib.request

import pytest

from harness.process import children, has_ended, workers
from harness.server import Server
from harness.wait import wait_for
from harness.ws import PipeClient

COUNT = 5
ADVICE = "DASH_PIPE_BROKER"


def call(server, prop, value, output):
    """Call a callback as a page does; return when it has answered."""
    component, _, name = output.partition(".")
    changed, _, _ = prop.partition(".")
    body = {
        "output": output,
        "outputs": {"id": component, "property": name},
        "inputs": [{"id": changed, "property": prop.partition(".")[2], "value": value}],
        "changedPropIds": [prop],
        "state": [],
    }
    request = urllib.request.Request(
        f"{server.url}/_dash-update-component",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def start_job(server, job):
    call(server, "job.children", job, "done.children")


def running(pid):
    """Return the process ids of its workers and of theirs, but for those that have ended."""
    found = {each for child in workers(pid) for each in (child, *running(child))}
    return {each for each in found if not has_ended(each)}


def heard_while(server, act, count=COUNT):
    with PipeClient(server.url + "/") as client:
        client.subscribe("jobs")
        act()
        return sorted(row[2] for row in client.rows(count))


@pytest.mark.parametrize("job", ["fork", "spawn", "vanish", "async", "pool", "loky", "script"])
def test_messages_of_a_job_reach_the_page_without_a_broker(tmp_path, job):
    with Server("script", "jobs", tmp_path / "log") as server:
        assert heard_while(server, lambda: start_job(server, job)) == [*range(COUNT)]
        assert ADVICE not in server.log_text()


@pytest.mark.parametrize(
    "host", ["script", "gunicorn-gthread", "gunicorn-preload", "gunicorn-gevent"]
)
def test_messages_of_a_background_callback_reach_the_page(tmp_path, host):
    with Server(host, "jobs", tmp_path / "log") as server:
        before = running(server.pid)
        act = lambda: call(server, "job.title", "", "done.title")  # noqa: E731
        assert heard_while(server, act) == [*range(COUNT)]
        wait_for(lambda: running(server.pid) <= before, "the job to end, which may warn then")
        assert ADVICE not in server.log_text()


# Hypercorn's worker may not start a process with multiprocessing.
@pytest.mark.parametrize(("host", "job"), [("uvicorn", "spawn"), ("hypercorn", "script")])
def test_messages_of_a_job_on_an_asgi_server_reach_the_page(tmp_path, host, job):
    with Server(host, "jobs", tmp_path / "log") as server:
        assert heard_while(server, lambda: start_job(server, job)) == [*range(COUNT)]
        assert ADVICE not in server.log_text()


def test_job_under_the_reloader_reaches_the_page(tmp_path):
    settings = {"DASH_DEBUG": "true", "ALWAYS": "1"}
    with Server("script", "jobs", tmp_path / "log", settings=settings) as server:
        assert heard_while(server, lambda: start_job(server, "spawn")) == [*range(COUNT)]
        assert len(children(server.pid)) == 1
        wait_for(lambda: server.log_text().count("has sent for the grace period") == 2, "both")
        assert ADVICE not in server.log_text()


@pytest.mark.parametrize("job", ["fork", "spawn", "vanish", "pool", "loky", "script"])
def test_job_of_a_process_that_serves_no_page_is_warned_at_once(tmp_path, job):
    with Server("script", "jobs", tmp_path / "log", settings={"FIRST": job}) as server:
        assert 1 <= server.log_text().count(ADVICE) <= 2  # once in each process; loky has two
        assert heard_while(server, lambda: start_job(server, "fork")) == [*range(COUNT)]
