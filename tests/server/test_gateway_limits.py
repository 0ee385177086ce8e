"""Limits that uvicorn enforces before the gateway, counted all the same."""

import pytest

from dash_pipe.client import WebSocketConnection
from dash_pipe.errors import EndpointUnavailableError
from dash_pipe.protocol import MAX_FRAME_BYTES
from harness.server import Server
from harness.wait import TIMEOUT, wait_for


def test_frame_that_is_too_large_is_logged_by_the_gateway(tmp_path):
    with Server("gateway", "", tmp_path / "log") as server:
        with WebSocketConnection(f"{server.url}/_pipe/") as connection:
            connection.send("x" * (MAX_FRAME_BYTES + 1))
            with pytest.raises(EndpointUnavailableError, match="1009"):
                connection.receive(TIMEOUT)
        line = "closed a connection with 1009: a frame above the server's limit"
        wait_for(lambda: line in server.log_text(), "the line")
