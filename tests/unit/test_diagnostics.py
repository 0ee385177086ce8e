"""The warning that messages in memory do not reach every browser."""

import logging
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from dash_pipe.diagnostics import GRACE_SECONDS, Diagnostics, workers
from harness.environment import environment
from unit.fakes import Clock

ADVICE = "DASH_PIPE_BROKER=redis://"


@pytest.mark.parametrize(
    ("line", "environ", "count"),
    [
        ("/usr/bin/gunicorn app:server", {}, 1),
        ("/usr/bin/gunicorn -w 1 app:server", {}, 1),
        ("/usr/bin/gunicorn -w 4 app:server", {}, 4),
        ("/usr/bin/gunicorn -w4 app:server", {}, 4),
        ("/usr/bin/gunicorn --workers=4 app:server", {}, 4),
        ("/x/gunicorn/__main__.py --workers 4 app:server", {}, 4),
        ("gunicorn app:server", {"WEB_CONCURRENCY": "3"}, 3),
        ("gunicorn app:server", {"GUNICORN_CMD_ARGS": "--bind=:80 --workers=3"}, 3),
        ("gunicorn -w 1 app:server", {"WEB_CONCURRENCY": "3"}, 1),
        ("gunicorn -w many app:server", {}, 1),
        ("uvicorn --workers 2 app:server", {}, 2),
        ("uvicorn --workers 2 --reload app:server", {}, 1),
        ("hypercorn -w 2 app:server", {}, 2),
        ("app.py -w 4", {"WEB_CONCURRENCY": "3"}, 1),
        ("", {}, 1),
    ],
)
def test_workers_are_counted_from_command_line_and_environment(
    line: str, environ: dict[str, str], count: int
) -> None:
    assert workers(line.split(), environ) == count


@pytest.mark.parametrize(
    ("config", "count"),
    [
        ({"workers": 4, "should_reload": False}, 4),
        ({"workers": 4, "should_reload": True}, 1),
        ({"workers": None}, 1),
        ({}, 1),
    ],
)
def test_workers_are_counted_from_the_server_config(config: dict[str, Any], count: int) -> None:
    assert workers(["app.py"], {}, SimpleNamespace(**config)) == count


@pytest.fixture
def diagnostics(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Diagnostics:
    monkeypatch.delenv("PYTEST_VERSION")
    monkeypatch.setattr("atexit.register", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["app.py"])
    return Diagnostics(clock)


def test_several_workers_are_warned_about_once(
    diagnostics: Diagnostics, caplog: pytest.LogCaptureFixture
) -> None:
    diagnostics.serves()
    assert not caplog.messages
    diagnostics.serves(multiprocess=True)
    diagnostics.serves(multiprocess=True)
    (said,) = caplog.messages
    assert "multiple workers" in said
    assert ADVICE in said


def test_publisher_without_endpoint_is_warned_once_after_the_grace_period(
    diagnostics: Diagnostics, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    diagnostics.sends()
    clock.now += GRACE_SECONDS - 0.1
    diagnostics.sends()
    assert not caplog.messages  # there may be one yet
    clock.now += 0.2
    diagnostics.sends()
    diagnostics.sends()
    diagnostics.judge()
    (said,) = caplog.messages
    assert "no browser can receive" in said
    assert ADVICE in said


@pytest.mark.parametrize("comes", ["before", "after"])
def test_publisher_with_endpoint_is_not_warned(
    diagnostics: Diagnostics, clock: Clock, caplog: pytest.LogCaptureFixture, comes: str
) -> None:
    if comes == "before":
        diagnostics.has_endpoint()
    diagnostics.sends()
    diagnostics.has_endpoint()
    clock.now += 2 * GRACE_SECONDS
    diagnostics.sends()
    diagnostics.judge()
    assert not caplog.messages


@pytest.mark.parametrize("program", ["/usr/bin/celery", "/x/celery/__main__.py", "/usr/bin/rq"])
def test_task_queue_that_imports_the_app_is_warned(
    diagnostics: Diagnostics,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    program: str,
) -> None:
    monkeypatch.setattr(sys, "argv", [program, "worker"])
    diagnostics.has_endpoint()
    diagnostics.sends()
    diagnostics.judge()
    assert "no browser can receive" in caplog.text


def stderr_of(script: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("PYTEST_VERSION")
    script = "from dash_pipe import send_to_pipe_channel as send\n" + script
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stderr


def test_script_that_publishes_is_warned_once_at_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    said = stderr_of("for n in range(3): send('jobs', 'a', n)", monkeypatch)
    assert said.count(ADVICE) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_forked_child_does_not_repeat_the_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    said = stderr_of("import os\nsend('jobs', 'a', 1)\nif os.fork(): os.wait()", monkeypatch)
    assert said.count(ADVICE) == 1


def test_app_without_browsers_is_not_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import dash\nsend('jobs', 'a', 1)\napp = dash.Dash()\nsend('jobs', 'a', 2)"
    assert stderr_of(script, monkeypatch) == ""


def test_process_that_does_not_publish_is_not_warned(
    diagnostics: Diagnostics, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        diagnostics.judge()
    assert not caplog.messages
