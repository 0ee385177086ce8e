"""Firefox and WebKit, with one page each, for `make other-browsers`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.app import App
from harness.browser import READ_PROP
from harness.firefox import Firefox, firefox
from harness.server import Server
from harness.wait import wait_for_value
from harness.webkit import WebKit, webkit


class Page:
    """The page of an app, with a Pipe of the id `pipe`."""

    def __init__(self, browser: Firefox | WebKit) -> None:
        self.browser = browser

    def open(self, url: str) -> None:
        self.browser.open(url)
        self.wait_for_prop("status", "open")

    def wait_for_prop(self, name: str, value: object) -> None:
        wait_for_value(lambda: self.prop(name), value, f"{name} of the Pipe to be")

    def wait_for_text(self, id_: str, text: str) -> None:
        script = "return document.getElementById(arguments[0]).textContent"
        wait_for_value(lambda: self.browser.run(script, id_), text, f"the text of #{id_} to be")

    def prop(self, name: str) -> Any:
        return self.browser.run(READ_PROP, "pipe", name)


@pytest.fixture(scope="session", params=[firefox, webkit], ids=["firefox", "webkit"])
def browser(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Firefox | WebKit]:
    with request.param(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server("werkzeug", "room", tmp_path / "log") as server:
        yield server
    assert server.tracebacks() == []


@pytest.fixture
def app(server: Server) -> App:
    return App(server.url)


@pytest.fixture
def page(browser: Firefox | WebKit, server: Server) -> Iterator[Page]:
    page = Page(browser)
    page.open(server.url)
    yield page
    browser.open("about:blank")  # it would ask the next test's server
