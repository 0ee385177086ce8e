"""The contract of brokers in the tests of another package."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.environment import environment

BROKER = """
import threading

from dash_pipe.brokers import Broker, Watchers
from dash_pipe.log import Log, Position


class PigeonBroker(Broker):
    may_wait = False

    def __init__(self, limits):
        self._limits, self._lock = limits, threading.Lock()
        self._watchers, self._logs = Watchers(), {}

    def publish(self, channel, label, value, message_id=None):
        with self._lock:
            log = self._log(channel)
            position = Position(log.epoch, log.append(label, value))
        self._watchers.notify(channel)
        return position

    def open(self, channel):
        with self._lock:
            return self._log(channel)

    def refresh(self, channel):
        return 0

    def close(self, channel):
        pass

    def watch(self, on_append):
        return self._watchers.add(on_append)

    def _log(self, channel):
        return self._logs.setdefault(channel, Log("of " + channel, self._limits))
"""
TESTS = """
import pytest

from dash_pipe.testing.brokers import BrokerContract
from pigeons import PigeonBroker


class TestPigeonBroker(BrokerContract):
    shared = False
    message_ids = False

    @pytest.fixture
    def connect(self):
        return PigeonBroker
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a package with a broker and its tests, away from this checkout."""
    (tmp_path / "pigeons.py").write_text(BROKER)
    (tmp_path / "test_pigeons.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers -p no:dash\n")
    return tmp_path


def run(project: Path, *arguments: str) -> tuple[int, str]:
    """Run the tests of the project with the installed package; return exit code and output."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
    )
    return done.returncode, done.stdout + done.stderr


def test_contract_in_another_project_passes_for_a_small_broker(project: Path) -> None:
    code, output = run(project)
    assert code == 0, output
    assert " passed, 1 skipped in " in output  # the broker knows no message by its id


def test_contract_names_the_tests_that_a_broken_broker_fails(project: Path) -> None:
    broken = BROKER.replace('Log("of " + channel', 'Log("same"')
    (project / "pigeons.py").write_text(broken)
    code, output = run(project, "-k", "epochs_of_two")
    assert code == 1, output
    assert "FAILED test_pigeons.py::TestPigeonBroker::test_epochs_of_two_channels_differ" in output
    assert "assert 'same' != 'same'" in output  # with the values, as in the package's own tests
