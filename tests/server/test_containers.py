"""The files of docs/containers.md: read, compared with the settings, their commands run."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness.child import Child
from harness.environment import environment
from harness.nginx import filled
from harness.port import Port
from harness.redis import RedisServer
from harness.server import ROOT, answers_http
from harness.wait import wait_for
from harness.ws import PipeClient

TEXT = (ROOT / "docs" / "containers.md").read_text("utf-8")
COMPOSE, KUBERNETES = (
    list(yaml.safe_load_all(block)) for block in re.findall(r"```yaml\n(.+?)```", TEXT, re.DOTALL)
)
HEALTH = "/_pipe/health"
APP = """
from dash import Dash, html
from dash_pipe import Pipe

app = Dash(__name__)
app.layout = html.Div(Pipe(id="pipe", channel_name="jobs"))
server = app.server
"""
SENDER = """
from dash_pipe import send_to_pipe_channel

send_to_pipe_channel("jobs", "done", 1)
"""


def services() -> dict:
    return COMPOSE[0]["services"]


def container() -> dict:
    (found,) = KUBERNETES[0]["spec"]["template"]["spec"]["containers"]
    return found


def on_this_python(words: list[str]) -> list[str]:
    """Return a command of an image, for the interpreter of this environment."""
    program, *arguments = words
    return [sys.executable, *(() if program == "python" else ("-m", program)), *arguments]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as redis:
        yield redis


@pytest.fixture
def start(tmp_path: Path, redis: RedisServer) -> Iterator:
    """A function that runs an app's command with its environment; it returns the port."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    (tmp_path / "sender.py").write_text(SENDER, encoding="utf-8")
    children: list[Child] = []

    def start(words: list[str], settings: dict[str, str]) -> Port:
        port = Port()
        bound = shlex.split(filled(shlex.join(words), {"0.0.0.0:8000": f"127.0.0.1:{port.number}"}))
        command = [*on_this_python(bound), "--no-control-socket"]
        there = environment({**settings, "DASH_PIPE_BROKER": redis.url})
        children.append(Child("app", command, tmp_path / "log", there, tmp_path))
        children[-1].wait_until(lambda: answers_http(port.number))
        return port

    yield start
    for child in children:
        child.end()


def test_compose_app_is_healthy_and_shows_what_sender_sends(start, redis, tmp_path) -> None:
    app, sender = services()["app"], services()["sender"]
    assert app["environment"] == sender["environment"]
    assert set(app["environment"]) == {"DASH_PIPE_BROKER"}
    port = start(shlex.split(app["command"]), app["environment"])
    assert healthy(port)
    with PipeClient(f"http://127.0.0.1:{port.number}/") as page:
        page.subscribe("jobs")
        settings = environment({"DASH_PIPE_BROKER": redis.url})
        command = on_this_python(shlex.split(sender["command"]))
        subprocess.run(command, cwd=tmp_path, env=settings, check=True, timeout=60)
        assert [row[2] for row in page.rows(1)] == [1]


def test_compose_file_fits_the_schema(tmp_path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(yaml.safe_dump(COMPOSE[0]), encoding="utf-8")
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*checker, file], env=environment(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout


def healthy(port: Port) -> bool:
    """Run Compose's health check."""
    kind, *words = services()["app"]["healthcheck"]["test"]
    assert kind == "CMD"
    command = [word.replace(":8000/", f":{port.number}/") for word in on_this_python(words)]
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=60, check=False)
    return done.returncode == 0


def test_compose_app_is_unhealthy_while_redis_is_away(start, redis) -> None:
    app = services()["app"]
    port = start(shlex.split(app["command"]), app["environment"])
    redis.stop()
    wait_for(lambda: not healthy(port), "an unhealthy app")
    redis.start()
    wait_for(lambda: healthy(port), "a healthy app")


def test_compose_health_check_fails_without_an_app() -> None:
    assert not healthy(Port())


def test_kubernetes_app_answers_its_probes(start) -> None:
    app = container()
    settings = {one["name"]: one["value"] for one in app["env"]}
    assert set(settings) == {"DASH_PIPE_BROKER"}
    port = start(app["command"], settings)
    assert {port["name"]: port["containerPort"] for port in app["ports"]} == {"http": 8000}
    for probe in ("startupProbe", "readinessProbe"):
        assert app[probe]["httpGet"] == {"path": HEALTH, "port": "http"}
    assert app["livenessProbe"]["tcpSocket"] == {"port": "http"}
    assert answers_http(port.number)


def test_kubernetes_service_selects_the_app() -> None:
    deployment, service = KUBERNETES
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels == deployment["spec"]["selector"]["matchLabels"]
    assert service["spec"]["ports"][0]["targetPort"] == container()["ports"][0]["name"]
