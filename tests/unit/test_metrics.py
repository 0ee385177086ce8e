"""The numbers of a process for Prometheus, and the dashboard that uses them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import dash
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

import dash_pipe
from dash_pipe import metrics, runtime
from dash_pipe.errors import SetupError
from dash_pipe.metrics import NumbersWriter, register
from dash_pipe.telemetry.families import BUCKETS, FAMILIES
from dash_pipe.telemetry.shared_values import SharedValues
from harness.environment import environment
from harness.wait import wait_for

pytestmark = pytest.mark.usefixtures("fresh_runtime")

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "examples/grafana/dash-pipe.json").read_text("utf-8"))
OPERATIONS = (ROOT / "docs/operations.md").read_text("utf-8")
ALERTS = OPERATIONS.partition("```promql\n")[2].partition("```")[0].splitlines()

WORKERS = """
import os, struct, sys, time
import dash_pipe, dash_pipe.metrics
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

def shown():
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    try:
        return generate_latest(registry).decode()
    except struct.error:  # prometheus-client reads a file that another process is making
        return ""

def wait_for(line):
    deadline = time.monotonic() + 20
    while line not in shown():
        assert time.monotonic() < deadline, shown()
        time.sleep(0.02)

dash_pipe.metrics.register()
dash_pipe.send_to_pipe_channel("jobs", "a", 1)
ready, end = os.pipe(), os.pipe()
children = []
for count in (2, 3):
    child = os.fork()
    if not child:
        os.close(end[1])
        for _ in range(count):
            dash_pipe.send_to_pipe_channel("jobs", "a", 1)
        os.read(end[0], 1)
        os._exit(0)
    children.append(child)
wait_for("dash_pipe_messages_published_total 6.0")
wait_for("dash_pipe_log_messages 6.0")
print(shown())
os.close(end[1])
for child in children:
    os.waitpid(child, 0)
    mark_process_dead(child)
wait_for("dash_pipe_log_messages 1.0")
assert "dash_pipe_messages_published_total 6.0" in shown()

# The next process with the same number goes on with the file.
from dash_pipe import runtime
from dash_pipe.telemetry.shared_values import SharedValues
runtime.current().end()
for polls in (2.0, 3.0):
    SharedValues().write({**dash_pipe.stats(), "polls": polls})
assert "dash_pipe_polls_total 5.0" in shown(), shown()
"""


def shown(registry: CollectorRegistry) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the samples by name and labels."""
    text = generate_latest(registry).decode()
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for metric in text_string_to_metric_families(text)
        for sample in metric.samples
    }


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    register(registry)
    return registry


def test_every_number_is_in_one_family_and_connections_in_their_sum() -> None:
    stats = [name for family in FAMILIES for name in family.stats()]
    assert sorted(stats) == sorted(set(dash_pipe.stats()) - {"connections"})


def test_registered_numbers_are_shown_as_they_are(registry: CollectorRegistry) -> None:
    dash_pipe.send_to_pipe_channel("jobs", "a", "four")
    counters = runtime.current().counters
    counters.add("closed_4403", 2)
    traffic = counters.open_traffic()
    for seconds in (0.0005, 0.05, 7.0):
        traffic.fanout.add(seconds)
    traffic.gap("window")
    found = shown(registry)
    assert found["dash_pipe_messages_published_total", ()] == 1
    assert found["dash_pipe_log_messages", ()] == 1
    assert found["dash_pipe_closes_total", ("4403",)] == 2
    assert found["dash_pipe_gaps_total", ("window",)] == 1
    assert found["dash_pipe_fanout_seconds_sum", ()] == pytest.approx(7.0505)
    sizes = ("0.001", "0.01", "0.1", "1.0", "+Inf")
    assert [found["dash_pipe_fanout_seconds_bucket", (size,)] for size in sizes] == [1, 1, 2, 2, 3]
    assert found["dash_pipe_connections", ("asgi",)] == 0


def test_second_call_with_a_registry_does_nothing(registry: CollectorRegistry) -> None:
    register(registry)
    assert len([name for name, _ in shown(registry) if name == "dash_pipe_subscriptions"]) == 1


def test_scrape_checks_the_broker_if_it_is_in_use(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not runtime.current().uses_broker
    assert shown(registry)["dash_pipe_broker_away", ()] == 0
    assert not runtime.current().uses_broker

    def ping(_timeout: float) -> None:
        raise ConnectionError("away")

    monkeypatch.setattr(runtime.current().broker, "ping", ping)
    assert shown(registry)["dash_pipe_broker_away", ()] == 1


def test_register_without_prometheus_client_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(SetupError, match=r'pip install "dash-pipe\[metrics\]"'):
        register()
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'metrics = ["prometheus-client' in text


def test_table_of_the_docs_has_the_names_in_prometheus(registry: CollectorRegistry) -> None:
    names = {name.removeprefix("dash_pipe_") for name, _ in shown(registry)}
    cells = re.findall(r"^\| `\w+` \| `([^`]+)` \|", OPERATIONS, re.MULTILINE)
    documented = {re.sub(r"\{.*", "", cell) for cell in cells}
    assert documented == names - {name for name in names if name.endswith("_created")}


def test_example_of_the_docs_serves_the_numbers() -> None:
    code = OPERATIONS.partition("```python\n")[2].partition("```")[0]
    app = dash.Dash("app")
    app.layout = []
    exec(code, {"app": app})
    answer = app.server.test_client().get("/metrics/")
    assert "\ndash_pipe_subscriptions 0.0\n" in answer.text


def expressions() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return panels + ALERTS


@pytest.mark.parametrize("expression", expressions())
def test_expression_names_only_metrics_that_are_shown(
    expression: str, registry: CollectorRegistry
) -> None:
    used = set(re.findall(r"\bdash_pipe_\w+", expression))
    assert used
    assert used <= {name for name, _ in shown(registry)}


def test_dashboard_shows_every_metric(registry: CollectorRegistry) -> None:
    used = set(re.findall(r"\bdash_pipe_\w+", json.dumps(DASHBOARD)))
    parts = ("_sum", "_count", "_created")
    assert {name for name, _ in shown(registry) if not name.endswith(parts)} <= used
    assert [len(panel["gridPos"]) for panel in DASHBOARD["panels"]] == [4] * 17


def test_shared_values_have_each_part_of_the_numbers() -> None:
    numbers = {**dict.fromkeys(dash_pipe.stats(), 0.0), "polls": 2.0, "broker_away": 1.0}
    numbers |= {"lag_within_1ms": 1.0, "lag_within_10ms": 3.0, "lag_within_100ms": 3.0}
    numbers |= {"lag_within_1s": 3.0, "lag_count": 4.0, "lag_seconds": 9.5}
    values = SharedValues()
    values.write(numbers)
    found = {key: value.get() for key, value in values._values.items()}
    assert (found["polls", ""], found["broker_away", ""]) == (2, 1)
    buckets = [found["lag_seconds", part] for part in ("sum", *BUCKETS)]
    assert buckets == [9.5, 1, 2, 0, 0, 1]
    assert {name for name, _ in found} == {family.name for family in FAMILIES}


def test_register_in_the_multiprocess_mode_writes_until_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[float] = []
    forked = metrics._Forked()  # its hook for forks ends with this test
    monkeypatch.setattr(metrics, "_forked", forked)
    monkeypatch.setattr(metrics, "WRITE_SECONDS", 0.01)
    monkeypatch.setattr(
        SharedValues, "write", lambda _, numbers: written.append(numbers["messages_published"])
    )
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "a directory")
    register()
    writer = runtime.current().part(NumbersWriter)
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    wait_for(lambda: 1 in written, "a write")
    runtime.current().end()
    writer._thread.join(10)
    assert not writer._thread.is_alive()
    written.clear()
    writer.goodbye()
    assert written == [1]
    forked._begin_in_child()
    assert runtime.current().existing_part(NumbersWriter) is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_numbers_of_several_processes_are_summed(tmp_path: Path) -> None:
    variables = environment({"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTEST_VERSION": "8"})
    done = subprocess.run(
        [sys.executable, "-c", WORKERS], env=variables, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'dash_pipe_fanout_seconds_bucket{le="+Inf"} 0.0' in done.stdout
    assert 'dash_pipe_closes_total{code="4403"} 0.0' in done.stdout
