"""Processes started by tests: their ports, their logs and their ends."""

import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

from harness import wait
from harness.child import ENDS_WITH_US, Child, ChildError, Service
from harness.environment import environment
from harness.port import Port
from harness.wait import wait_for

UP = "print('up', flush=True); import time; time.sleep(3600)"  # until it is ended

linux = pytest.mark.skipif(sys.platform != "linux", reason="there a port is not reserved")


def python(code: str, log: Path) -> Child:
    return Child("python", [sys.executable, "-c", code], log, environment())


def test_child_that_ends_at_its_start_raises_with_status_and_log(
    tmp_path: Path,
) -> None:
    child = python("print('no module of that name'); raise SystemExit(3)", tmp_path / "log")
    with pytest.raises(ChildError) as raised:  # another message if it has waited in vain
        child.wait_until(lambda: False)
    assert str(raised.value) == "python ended with status 3:\nno module of that name\n"


def test_child_that_is_never_ready_is_ended_and_its_log_shown(tmp_path: Path) -> None:
    child = python(UP, tmp_path / "log")
    wait_for(child.log_text, "its line")
    with pytest.raises(ChildError, match=r"not within 0\.1 s: python to be up.*\n.*up\n"):
        child.wait_until(lambda: False, 0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_child_that_ends_later_fails_every_wait_at_once(tmp_path: Path) -> None:
    child = python(UP, tmp_path / "log")
    wait.check()
    os.kill(child.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(ChildError, match="python ended with status -9"):
            wait_for(lambda: False, "something of its")
    with pytest.raises(ChildError, match="python ended with status -9"):
        child.end()
    wait.check()


def test_child_with_expected_end_fails_no_wait(tmp_path: Path) -> None:
    child = python("pass", tmp_path / "log")
    child.expect_end()
    child.end()
    wait.check()


@pytest.mark.skipif(not ENDS_WITH_US, reason="setpriv is not installed")
def test_child_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import sys, time
from pathlib import Path
from harness.child import Child
from harness.environment import environment
child = Child("python", [sys.executable, "-c", {UP!r}],
              Path({str(tmp_path / "inner")!r}), environment())
child.wait_until(child.log_text)  # before that the kernel may not have been asked yet
print(child.pid, flush=True)
time.sleep(3600)
"""
    tests = {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", code]
    run = Child("run", command, tmp_path / "log", environment(tests))
    run.wait_until(lambda: run.log_text().endswith("\n"))
    pid = int(run.log_text())
    run.expect_end()
    os.kill(run.pid, signal.SIGKILL)
    wait_for(lambda: not is_running(pid), "the end of the child of the run")
    run.kill9()


def test_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    children: list[Child] = []
    thread = threading.Thread(target=lambda: children.append(python(UP, tmp_path / "log")))
    thread.start()
    thread.join()
    wait_for(children[0].log_text, "its line")
    children[0].check()
    children[0].end()


def is_running(pid: int) -> bool:
    """Return whether a process is running, and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@linux
def test_held_port_is_reserved_and_its_server_can_restart() -> None:
    port = Port()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port.number))
    for _ in range(3):  # create_server sets SO_REUSEADDR, as servers do
        with (
            socket.create_server(("127.0.0.1", port.number)) as server,
            socket.create_connection(("127.0.0.1", port.number)) as client,
        ):
            taken, _ = server.accept()
            taken.close()  # the side that closes first leaves the port in TIME_WAIT
            client.recv(1)
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", port.number))


def test_released_port_is_free() -> None:
    port = Port()
    number = port.number
    del port
    with socket.socket() as other:
        other.bind(("127.0.0.1", number))


class Speaker(Service):
    """A process that writes a line."""

    def __init__(self, directory: Path) -> None:
        self._log = directory / "log"

    def start(self) -> None:
        self._child = Child("speaker", [sys.executable, "-c", UP], self._log, environment())
        self.child.wait_until(lambda: "up" in self.child.log_text())

    def stop(self) -> None:
        self.kill9()


def test_failure_beside_a_service_shows_the_end_of_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ZeroDivisionError), Speaker(tmp_path):
        _ = 1 / 0
    assert capsys.readouterr().out == "The end of the log of speaker: up\n\n"
    with Speaker(tmp_path):
        pass
    assert capsys.readouterr().out == ""
