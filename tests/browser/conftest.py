"""Servers and browsers for the tests of this directory.

A test module names its app (`APP`, a module of tests/apps or of its `DIRECTORY`). It may name its
hosts (`HOSTS`), variables of their environment (`SETTINGS`), and the properties of the Pipe in
tests/apps/room.py (`PIPE`). Every test runs on each host, and fails on a traceback in the server's
log or a line in a browser's console, besides its own assertions.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.app import App
from harness.browser import ALLOWED, DASHS_OWN, FALLEN_BACK, LAPTOP, Browser, unexpected
from harness.proxy import Proxy
from harness.server import APPS, ASGI, POLLING, WSGI, Server

HOSTS = (*WSGI, *ASGI)

MakeBrowser = Callable[..., Browser]
ServeCode = Callable[[str], Server]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        hosts = getattr(metafunc.module, "HOSTS", HOSTS)
        metafunc.parametrize("server", hosts, indirect=True, scope="module")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show the server's output with a failure."""
    report = yield
    server = getattr(item, "funcargs", {}).get("server")
    if report.failed and server is not None:
        # Without the test's own requests, of which there are hundreds.
        lines = [line for line in server.log_text().splitlines() if "/_test/" not in line]
        report.sections.append((f"log of {server.host}", "\n".join(lines)))
    return report


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    log = tmp_path_factory.mktemp("server") / "log"
    directory = getattr(request.module, "DIRECTORY", APPS)
    settings = dict(getattr(request.module, "SETTINGS", {}))
    if hasattr(request.module, "PIPE"):
        settings["PIPE"] = json.dumps(request.module.PIPE)
    module = request.module.APP
    with Server(request.param, module, log, directory=directory, settings=settings) as server:
        yield server
    assert server.tracebacks() == []


@pytest.fixture(autouse=True)
def _websocket(request: pytest.FixtureRequest) -> None:
    """Skip tests that need a websocket on hosts without any."""
    if request.node.get_closest_marker("websocket") and "server" in request.fixturenames:
        host = request.getfixturevalue("server").host
        if host in POLLING:
            pytest.skip(f"there are no websockets on {host}")


@pytest.fixture
def app(server: Server) -> Iterator[App]:
    """Return the app on its server, without the calls of earlier tests."""
    app = App(server.url)
    app.forget()
    seen = len(server.log_text())
    yield app
    assert server.tracebacks(seen) == []


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """Run a proxy in front of the server."""
    with Proxy(server.port) as proxy:
        yield proxy


class Browsers:
    """Browsers that start at first use and are shared: a start takes longer than a test."""

    def __init__(self, paths: pytest.TempPathFactory) -> None:
        self._paths = paths
        self._running: dict[tuple[int, tuple[int, int]], Browser] = {}

    def get(self, number: int, size: tuple[int, int]) -> Browser:
        if (number, size) not in self._running:
            self._running[number, size] = Browser(self._paths.mktemp("profile"), size)
        return self._running[number, size]

    def quit(self) -> None:
        for browser in self._running.values():
            browser.quit()


@pytest.fixture(scope="session")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    browsers = Browsers(tmp_path_factory)
    yield browsers
    browsers.quit()


@pytest.fixture
def make_browser(request: pytest.FixtureRequest, browsers: Browsers) -> Iterator[MakeBrowser]:
    """Return a function that returns one more browser; their consoles must stay empty."""
    if "proxy" in request.fixturenames:
        request.getfixturevalue("proxy")  # made first, so it ends after the page
    polling = "server" in request.fixturenames and (
        request.getfixturevalue("server").host in POLLING
    )
    used: list[Browser] = []

    def make(size: tuple[int, int] = LAPTOP) -> Browser:
        browser = browsers.get(len(used), size)
        browser.fresh()
        used.append(browser)
        return browser

    yield make
    allowed = [part for name, part in ALLOWED.items() if request.node.get_closest_marker(name)]
    if polling:
        allowed.append(FALLEN_BACK)
    lines = [unexpected(browser.console(), sum(allowed, DASHS_OWN)) for browser in used]
    for browser in used:
        browser.fresh()  # leaves the page, so that it does not connect to the next test's server
    assert lines == [[] for _ in used]


@pytest.fixture
def browser(make_browser: MakeBrowser, app: App) -> Browser:
    """Return a browser. It depends on `app`, so its page is left before the app is checked."""
    return make_browser()


@pytest.fixture
def second_browser(make_browser: MakeBrowser, browser: Browser) -> Browser:
    """Return a browser that shares nothing with `browser`."""
    return make_browser()


@pytest.fixture
def serve_code(tmp_path: Path) -> Iterator[ServeCode]:
    """A function that runs code of the docs in a process of its own, until the test is over."""
    with ExitStack() as stack:

        def serve_code(code: str) -> Server:
            (tmp_path / "recipe.py").write_text(code, encoding="utf-8")
            server = Server("werkzeug", "recipe", tmp_path / "log", directory=tmp_path)
            return stack.enter_context(server)

        yield serve_code


@pytest.fixture
def page(
    request: pytest.FixtureRequest, serve_code: ServeCode, make_browser: MakeBrowser
) -> Callable[[str], Browser]:
    """Return a function that serves a recipe, by its heading in `RECIPES`, and opens its page."""

    def page(heading: str) -> Browser:
        browser = make_browser()
        browser.open(serve_code(request.module.RECIPES.code(heading)).url)
        return browser

    return page
