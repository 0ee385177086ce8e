"""The memory broker with several worker processes: a mistake that is logged."""

import pytest

from harness.server import Server
from harness.ws import PipeClient

SAID = "multiple workers"


def log_after_a_listener(host, tmp_path):
    with Server(host, "room", tmp_path / "log") as server:
        for _ in range(3):
            with PipeClient(server.url + "/") as client:
                client.subscribe("room")
        return server.log_text()


@pytest.mark.parametrize("host", ["gunicorn-two", "uvicorn-two"])
def test_memory_broker_with_two_workers_logs_warning(tmp_path, host):
    log = log_after_a_listener(host, tmp_path)
    assert 1 <= log.count(SAID) <= 2  # once in each worker that has had a browser
    assert "DASH_PIPE_BROKER=redis://" in log


@pytest.mark.parametrize("host", ["gunicorn-sync", "werkzeug", "uvicorn"])
def test_memory_broker_with_one_process_logs_no_warning(tmp_path, host):
    assert "DASH_PIPE_BROKER" not in log_after_a_listener(host, tmp_path)
