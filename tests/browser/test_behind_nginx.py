"""An https page behind an nginx that ends TLS, for each way in which proxies rewrite requests.

The browser uses the public path (`requests_pathname_prefix`). The server's routes have the path
after the proxy's rewrite (`routes_pathname_prefix`).
"""

import contextlib
from typing import NamedTuple

import pytest

from harness.app import contiguous, offsets
from harness.nginx import Nginx, filled
from harness.port import Port
from harness.server import Server, make_certificate
from harness.wait import wait_for

APP = "room"

UPGRADE = """
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
"""
CONFIG = """
server {
    listen 127.0.0.1:443 ssl;
    ssl_certificate CERTIFICATE;
    ssl_certificate_key KEY;
    location SEEN {
        proxy_pass http://127.0.0.1:8000PASSED;
        HEADERS
    }
}
"""


class Proxied(NamedTuple):
    """A kind of proxy: the browser's path, the server's path, and the forwarded headers."""

    seen: str
    routes: str
    headers: str


HOST = "proxy_set_header Host $http_host;"
FORWARDED = """
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Prefix SEEN;
"""
WAYS = {
    "root": Proxied("/", "/", HOST),
    "sub-path": Proxied("/some/where/", "/some/where/", HOST),
    "stripped": Proxied("/some/where/", "/", HOST),
    "moved": Proxied("/outside/", "/inside/", HOST),
    "forwarded": Proxied("/some/where/", "/", FORWARDED),  # Host is that of the upstream
    "jupyter": Proxied("/user/me@example.org/proxy/8050/", "/", HOST + FORWARDED),
}
HOSTS = [pytest.param(way, id=name) for name, way in WAYS.items()]


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    """Return the app; its starter passes the address that browsers use."""
    way = request.param
    settings = {
        "DASH_REQUESTS_PATHNAME_PREFIX": way.seen,
        "DASH_ROUTES_PATHNAME_PREFIX": way.routes,
    }
    log = tmp_path_factory.mktemp("server") / "log"
    with Server("gunicorn-gthread", APP, log, settings=settings) as server:
        server.way = way
        yield server
    assert server.tracebacks() == []


@pytest.fixture
def proxy(server, tmp_path):
    """Return a function that starts nginx and the server, and returns the page's address."""
    port, way = Port(), server.way
    files = make_certificate(tmp_path)
    with contextlib.ExitStack() as stack:

        def start(headers):
            values = {
                "HEADERS": UPGRADE + headers,
                "PASSED": way.routes if way.routes != way.seen else "",
                "SEEN": way.seen,
                ":443": f":{port.number}",
                ":8000": f":{server.port}",
                "CERTIFICATE": files["certificate"],
                "KEY": files["key"],
            }
            nginx = Nginx(filled(CONFIG, values), port, tmp_path, "https")
            return f"{stack.enter_context(nginx).url}{way.seen}"

        yield start


def test_page_behind_nginx_opens_websocket(app, server, proxy, browser):
    browser.open(proxy(server.way.headers))
    assert browser.run("return location.protocol") == "https:"  # an https page opens no ws://
    browser.wait_open(status="open")
    browser.click("tell")
    browser.wait_for_text("value", "click 1")
    app.send(("room", "news", "from elsewhere"))
    browser.wait_for_text("value", "from elsewhere")
    calls = wait_for(lambda: app.calls("show"), "the calls")
    assert contiguous(offsets(calls))
    assert browser.requests("_pipe/poll") == 0


def test_page_behind_nginx_without_host_header_is_denied(proxy, browser):
    browser.open(proxy(""))
    browser.wait_open(status="denied")
    (line,) = browser.console()
    assert "allowed_origins" in line
