"""The nginx lines that we show let nobody on the network publish without a token."""

import http.client
import re
import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

import dash_pipe
from dash_pipe import runtime
from dash_pipe.endpoint.poke import answer
from dash_pipe.transports.wsgi import request_of
from harness.django_site import NGINX
from harness.nginx import UNAWARE, Nginx
from harness.port import Port
from harness.server import ROOT
from harness.wait import TIMEOUT

# The case that docs/poke.md warns of; it shows that the others could fail.
OPEN = "location / { proxy_pass http://127.0.0.1:80; proxy_set_header Host $http_host; }"


def snippets() -> Iterator[tuple[str, str]]:
    """Yield each configuration that we show or test with, and its name."""
    for file in sorted((ROOT / "docs").glob("*.md")):
        for block in re.findall(r"^```nginx\n(.+?)^```", file.read_text("utf-8"), re.M | re.S):
            yield file.name, block
    yield "examples/deploy", (ROOT / "examples/deploy/nginx.conf").read_text("utf-8")
    names = {"port": 80, "route": "/dpd/ws", "asgi": 80, "other": 80, "static": "/tmp"}
    yield "django_site", NGINX.format(**names)
    yield "unaware", UNAWARE


@pytest.fixture
def upstream(fresh_runtime: None) -> Iterator[int]:
    """The port of a server that takes a poke at every path."""

    def app(environ, start_response):
        found = answer(runtime.current(), request_of(environ, "poke/"))
        return Response(found.body, found.status)(environ, start_response)

    dash_pipe.configure(http_poke_enabled=True)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def config_of(snippet: str, upstream: int, ports: dict[str, Port]) -> str:
    """Return a configuration of this machine: its servers listen on `ports`, without TLS."""
    text = re.sub(r"^ *ssl_.*\n", "", snippet, flags=re.M)
    if "server {" not in text:
        text = f"server {{ listen 127.0.0.1:80;\n{text} }}"
    text = re.sub(r"((?:proxy_pass http://|server )127\.0\.0\.1):\d+", rf"\1:{upstream}", text)

    def listen(_: re.Match[str]) -> str:
        return f"listen 127.0.0.1:{ports.setdefault(str(len(ports)), Port()).number};"

    return re.sub(r"listen [^;]+;", listen, text)


def statuses(snippet: str, upstream: int, directory) -> set[int]:
    """Return the statuses of pokes from outside to each location of each server."""
    ports: dict[str, Port] = {}
    config = config_of(snippet, upstream, ports)
    locations = re.findall(r"^\s*location (?:= )?(\S+)", snippet, re.M)
    paths = [*locations, *(f"{each.rstrip('/')}/poke/" for each in locations)]
    found = set()
    with Nginx(config, ports["0"], directory):
        for port in ports.values():
            for path in paths:
                connection = http.client.HTTPConnection("127.0.0.1", port.number, TIMEOUT)
                connection.request("POST", path, "[]", {"Host": "localhost"})
                found.add(connection.getresponse().status)
                connection.close()
    return found


@pytest.mark.parametrize("snippet", [pytest.param(text, id=name) for name, text in snippets()])
def test_poke_from_outside_through_our_nginx_lines_is_rejected(snippet, upstream, tmp_path):
    found = statuses(snippet, upstream, tmp_path)
    assert 200 not in found
    assert 401 in found  # the server was asked


def test_poke_through_nginx_without_forwarding_header_is_accepted(upstream, tmp_path):
    assert statuses(OPEN, upstream, tmp_path) == {200}
