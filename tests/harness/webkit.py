"""WebKitGTK, driven by selenium, on a display that nobody sees."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Remote, WebKitGTKOptions
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection

from harness.browser import executable
from harness.child import Child
from harness.environment import environment
from harness.port import Port
from harness.server import answers_http

DISPLAY, DRIVER = "Xvfb", "WebKitWebDriver"


class WebKit:
    """A WebKitGTK process with one page."""

    def __init__(self, driver: Remote) -> None:
        self._driver = driver

    def open(self, url: str) -> None:
        """Load a page."""
        self._driver.get(url)

    def run(self, script: str, *arguments: object) -> Any:
        """Run JavaScript in the page; return its result."""
        return self._driver.execute_script(script, *arguments)


@contextmanager
def webkit(directory: Path) -> Iterator[WebKit]:
    """Run WebKitGTK, with all that it writes in a directory."""
    with ExitStack() as stack:
        log = directory / "display"
        display = Child(
            DISPLAY,
            [executable(DISPLAY), "-displayfd", "1", "-nolisten", "tcp"],
            log,
            environment(),
        )
        stack.callback(display.end)
        display.wait_until(lambda: numbers(log))
        port = Port()
        settings = {"DISPLAY": f":{numbers(log)[0]}", "HOME": str(directory)}
        command = [executable(DRIVER), f"--port={port.number}"]
        driver = Child(DRIVER, command, directory / "log", environment(settings))
        stack.callback(driver.end)
        driver.wait_until(lambda: answers_http(port.number))
        connection = RemoteConnection(client_config=ClientConfig(f"http://127.0.0.1:{port.number}"))
        session = Remote(connection, options=WebKitGTKOptions())
        stack.callback(session.quit)
        yield WebKit(session)


def numbers(log: Path) -> list[str]:
    """Return the lines of a log that are numbers: Xvfb writes that of its display."""
    return [line for line in log.read_text().splitlines() if line.isdigit()]
