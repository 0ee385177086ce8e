"""A real Prometheus: each expression of the dashboard and of the alerts, on a running app."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, start_http_server

import dash_pipe
from dash_pipe import runtime
from dash_pipe.metrics import register
from harness.prometheus import PROGRAM, Prometheus
from harness.wait import wait_for
from unit.test_metrics import ALERTS, DASHBOARD

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="prometheus is not on PATH")

VARIABLES = {"$job": "app", "$__rate_interval": "1m"}


def filled(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


@pytest.fixture
def scraped() -> Iterator[int]:
    """Serve the numbers of this process at a port."""
    registry = CollectorRegistry()
    register(registry)
    with runtime.swapped(runtime.current().copy()):
        server, thread = start_http_server(0, "127.0.0.1", registry)
        yield server.server_port
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_expressions_of_dashboard_and_alerts_have_results(scraped: int, tmp_path: Path) -> None:
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    with Prometheus(scraped, tmp_path) as prometheus:
        scrapes = "count_over_time(dash_pipe_messages_published_total[1m]) > 1"
        wait_for(lambda: prometheus.query(scrapes), "two scrapes")
        for panel in DASHBOARD["panels"]:
            for target in panel["targets"]:
                found = prometheus.query(filled(target["expr"]))
                assert found, target["expr"]
        for alert in ALERTS:
            assert not prometheus.query(alert), alert
            assert prometheus.query(re.sub(r" > [\d.]+", " >= bool 0", alert)), alert
