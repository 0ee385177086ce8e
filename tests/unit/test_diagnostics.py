"""The warning that messages in memory do not reach every browser."""

import logging
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from dash_pipe.diagnostics import GRACE_SECONDS, Diagnostics
from harness.environment import environment
from unit.fakes import Clock

ADVICE = "DASH_PIPE_BROKER=redis://"


@dataclass
class Process:
    listens: bool = False
    job: bool = False
    parent: bool = False

    def may_serve(self) -> bool:
        return self.listens

    def is_job(self) -> bool:
        return self.job

    def has_parent(self) -> bool:
        return self.parent


@pytest.fixture
def diagnostics(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Diagnostics:
    monkeypatch.delenv("PYTEST_VERSION")
    monkeypatch.setattr("atexit.register", lambda _: None)
    return Diagnostics(clock)


def test_siblings_are_warned_about_once(
    diagnostics: Diagnostics, caplog: pytest.LogCaptureFixture
) -> None:
    diagnostics.serves()
    assert not caplog.messages
    diagnostics.has_siblings()
    diagnostics.has_siblings()
    (said,) = caplog.messages
    assert "multiple workers" in said
    assert ADVICE in said


@pytest.mark.parametrize(
    ("process", "reason"), [(Process(), "no Dash app"), (Process(parent=True), "that started it")]
)
def test_process_without_app_is_warned_at_its_first_message(
    diagnostics: Diagnostics, caplog: pytest.LogCaptureFixture, process: Process, reason: str
) -> None:
    diagnostics.keeps(process)
    diagnostics.keeps(process)
    diagnostics.judge()
    (said,) = caplog.messages
    assert "no browser can receive" in said
    assert reason in said
    assert ADVICE in said


@pytest.mark.parametrize(
    ("parent", "reason"), [(True, "that started it"), (False, "it is no server")]
)
def test_job_with_app_is_warned_at_its_first_message(
    diagnostics: Diagnostics, caplog: pytest.LogCaptureFixture, parent: bool, reason: str
) -> None:
    diagnostics.has_endpoint()
    diagnostics.keeps(Process(job=True, parent=parent))
    (said,) = caplog.messages
    assert reason in said


@pytest.mark.parametrize(
    ("parent", "reason"), [(True, "that started it"), (False, "it is no server")]
)
def test_process_with_app_is_warned_if_it_does_not_listen_in_time(
    diagnostics: Diagnostics,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    parent: bool,
    reason: str,
) -> None:
    process = Process(parent=parent)
    diagnostics.has_endpoint()
    diagnostics.keeps(process)
    clock.now += GRACE_SECONDS - 0.1
    diagnostics.keeps(process)
    assert not caplog.messages  # it may yet
    clock.now += 0.2
    diagnostics.keeps(process)
    diagnostics.keeps(process)
    (said,) = caplog.messages
    assert reason in said


@pytest.mark.parametrize("job", [True, False])
def test_process_with_app_that_listens_is_not_warned(
    diagnostics: Diagnostics, clock: Clock, caplog: pytest.LogCaptureFixture, job: bool
) -> None:
    process = Process(listens=True, job=job, parent=True)
    diagnostics.has_endpoint()
    diagnostics.keeps(process)
    clock.now += 2 * GRACE_SECONDS
    diagnostics.keeps(process)
    process.listens = False  # as when it ends
    diagnostics.keeps(process)
    diagnostics.judge()
    assert not caplog.messages


def test_process_that_serves_is_not_warned(
    diagnostics: Diagnostics, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    diagnostics.has_endpoint()
    diagnostics.keeps(Process(parent=True))
    diagnostics.serves()
    clock.now += 2 * GRACE_SECONDS
    diagnostics.keeps(Process(parent=True))
    diagnostics.judge()
    assert not caplog.messages


def test_forked_child_of_a_process_that_serves_is_warned(
    diagnostics: Diagnostics, caplog: pytest.LogCaptureFixture
) -> None:
    diagnostics.has_endpoint()
    diagnostics.serves()
    diagnostics.reset_after_fork()
    diagnostics.keeps(Process(job=True, parent=True))
    assert len(caplog.messages) == 1


def test_child_is_warned_at_its_end(
    diagnostics: Diagnostics, caplog: pytest.LogCaptureFixture
) -> None:
    diagnostics.has_endpoint()
    diagnostics.keeps(Process(parent=True))
    assert not caplog.messages
    diagnostics.judge()
    (said,) = caplog.messages
    assert "that started it" in said


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


@pytest.mark.parametrize("end", ["", "\nimport os; os._exit(0)"])
def test_script_that_publishes_is_warned_once(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    said = stderr_of(f"for n in range(3): send('jobs', 'a', n){end}", monkeypatch)
    assert said.count(ADVICE) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_forked_child_does_not_repeat_the_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    said = stderr_of("import os\nsend('jobs', 'a', 1)\nif os.fork(): os.wait()", monkeypatch)
    assert said.count(ADVICE) == 1


def test_app_without_browsers_is_not_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import dash\napp = dash.Dash()\nsend('jobs', 'a', 1)"
    assert stderr_of(script, monkeypatch) == ""


def test_process_that_does_not_publish_is_not_warned(
    diagnostics: Diagnostics, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        diagnostics.judge()
    assert not caplog.messages
