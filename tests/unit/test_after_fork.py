"""A server that forks like multiprocessing, and is killed before its child."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.environment import environment
from unit.line import Line

SERVER = Path(__file__).with_name("forking.py")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.parametrize("kind", ["threads", "greenlets", "rejected", "loop"])
def test_server_killed_after_fork_closes_its_browser_despite_the_child(kind: str) -> None:
    page = Line()
    descriptor = page.theirs.fileno()
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", SERVER, kind, str(descriptor)],
        env=environment(),
        pass_fds=[descriptor],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        page.theirs.close()
        page.ask()
        assert page.next().status_code == 101
        assert kind == "rejected" or page.subscribe("jobs")["type"] == "subscribed"
        server.stdin.write(b"\n")
        server.stdin.flush()
        assert server.stdout.readline()  # there is a child
        if kind == "rejected":
            assert page.close_code() == 4403
        else:
            assert page.subscribe("prices")["channel"] == "prices"  # nobody else reads it
        os.kill(server.pid, signal.SIGKILL)
        assert page.sock.recv(100) == b""
        server.stdin.close()
    page.sock.close()
