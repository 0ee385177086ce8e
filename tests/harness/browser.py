"""Chromium with one Dash page, driven by selenium."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import element_to_be_clickable
from selenium.webdriver.support.wait import WebDriverWait

from harness.child import Child
from harness.environment import environment
from harness.port import Port
from harness.server import answers_http
from harness.wait import INTERVAL, TIMEOUT, check, wait_for, wait_for_value

PHONE = (390, 844)
LAPTOP = (1366, 768)

NAMES = ("chromium", "chromium-browser", "google-chrome")

FLAGS = (
    "--headless=new",
    "--disable-dev-shm-usage",  # a container's /dev/shm is often too small
    # Nothing but the page may use the network.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--ignore-certificate-errors",  # the tests' certificates are self-signed
    # A second window is not throttled.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)

# The status of a listening Pipe.
LISTENING = ("open", "polling")

# Lines that a test with a marker of that name allows in the console: Chromium's, if a connection
# breaks or a frame is sandboxed as django-plotly-dash does it; Chromium's and Dash's, if a callback
# answers 500 or, since its process was killed, the proxy answers 502.
ALLOWED = {
    "framed": ("can escape its sandboxing",),
    "cuts": ("WebSocket connection to", "net::ERR_"),
    "kills": ("the server responded with a status of 502", "dash_renderer"),
    "denies": ("[dash-pipe] Pipe",),
    "raises": ("the server responded with a status of 500", "dash_renderer"),
}

# Dash's lines about its own websocket, on the backends where it has one.
DASHS_OWN = ("[Dash] WebSocket ", "[Dash] Reconnected ")
# Chromium's line about a page with a login, if the browser has clicked before its form is there.
FOCUS = "Autofocus processing was blocked"
# Without websockets: Chromium's line, and that of the Pipes.
FALLEN_BACK = ("_pipe/ws' failed: ", "_pipe/ws: no websocket, polling every ")

# Before Dash has a layout, getLayout throws.
READ_PROP = """
    try {
        return window.dash_component_api.getLayout(arguments[0]).props[arguments[1]] ?? null;
    } catch {
        return null;
    }
"""


class Driver(Service):
    """chromedriver on its own port, watched like every process of the tests."""

    def __init__(self, log: Path) -> None:
        self._port = Port()
        # A given path keeps selenium from looking for a driver on the network.
        super().__init__(executable("chromedriver"), self._port.number)
        self._log = log
        self._child: Child | None = None

    @property
    def service_url(self) -> str:
        """Return the URL of chromedriver."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; return as soon as it answers."""
        command = [self.path, f"--port={self.port}"]
        self._child = Child("chromedriver", command, self._log, environment())
        self._child.wait_until(lambda: answers_http(self.port))

    def stop(self) -> None:
        """End it, and Chromium with it."""
        if self._child is not None:
            child, self._child = self._child, None
            child.end()


class Browser:
    """One Chromium process with one current tab; close it with quit()."""

    def __init__(self, profile: Path, size: tuple[int, int] = LAPTOP) -> None:
        options = ChromeOptions()
        options.binary_location = executable(*NAMES)
        for flag in (*FLAGS, f"--window-size={size[0]},{size[1]}", f"--user-data-dir={profile}"):
            options.add_argument(flag)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")  # Chromium does not run as root with one
        # A sync worker serves one connection at a time; a speculative one would block it.
        options.add_experimental_option("prefs", {"net.network_prediction_options": 2})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = Chrome(options, Driver(profile.with_suffix(".log")))

    def quit(self) -> None:
        """End the process."""
        self.driver.quit()

    def fresh(self) -> None:
        """Replace the tab with a new one, without cookies; forget the console."""
        old = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        new = self.driver.current_window_handle
        self.driver.switch_to.window(old)
        self.driver.close()
        self.driver.switch_to.window(new)
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.console()

    def open(self, url: str) -> None:
        """Load a page and wait until Dash has rendered something."""
        self.driver.get(url)
        self.find("#react-entry-point > :not(._dash-loading)")

    def wait_open(self, *ids: object, status: str = "") -> None:
        """Wait until the Pipes are open, or have this status: later messages arrive."""
        good = (status,) if status else LISTENING
        what = f"the status of each of {ids} to be one of {good}"
        wait_for(lambda: all(self.prop(one, "status") in good for one in ids or ("pipe",)), what)

    def find(self, selector: str) -> Any:
        """Wait for an element and return it."""
        return self._wait(lambda: self.driver.find_elements(By.CSS_SELECTOR, selector), selector)[0]

    def click(self, id_: str) -> None:
        """Click an element as soon as it is clickable."""
        waiting = WebDriverWait(self.driver, TIMEOUT, INTERVAL)
        clickable = element_to_be_clickable((By.ID, id_))
        waiting.until(watched(lambda: clickable(self.driver))).click()

    def wait_for_text(self, id_: str, text: str, timeout: float = TIMEOUT) -> None:
        """Wait until an element has this text."""
        self._wait(
            lambda: self.driver.find_element(By.ID, id_).text == text, f"#{id_}: {text!r}", timeout
        )

    def run(self, script: str, *arguments: object) -> Any:
        """Run JavaScript in the page and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def prop(self, id_: object, name: str) -> Any:
        """Return a component's prop from Dash's store; None if it has none."""
        return self.run(READ_PROP, id_, name)

    def wait_for_prop(
        self, id_: object, name: str, value: object, timeout: float = TIMEOUT
    ) -> None:
        """Wait until a component's prop has this value."""
        wait_for_value(
            lambda: self.prop(id_, name), value, f"{name} of {json.dumps(id_)} to be", timeout
        )

    def requests(self, path: str) -> int:
        """Return the number of the page's requests whose address contains `path`."""
        names = self.driver.execute_script(
            "return performance.getEntriesByType('resource').map(({name}) => name)"
        )
        return sum(path in name for name in names)

    def console(self) -> list[str]:
        """Return the lines of the console since the last call."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [f"{entry['level']} {entry['message']}" for entry in entries]

    def _wait(self, predicate: Callable[[], Any], what: str, timeout: float = TIMEOUT) -> Any:
        waiting = WebDriverWait(self.driver, timeout, INTERVAL)
        return waiting.until(watched(predicate), what)


def watched(predicate: Callable[[], Any]) -> Callable[[object], Any]:
    """Return a condition for selenium that ends its wait if a process of ours has ended."""

    def condition(_: object) -> Any:
        check()
        return predicate()

    return condition


def executable(*names: str) -> str:
    """Return the path of the first program that is on PATH."""
    for name in names:
        if path := shutil.which(name):
            return path
    raise AssertionError(f"none of {', '.join(names)} is on PATH; `make chromium` helps")


def unexpected(console: list[str], allowed: tuple[str, ...]) -> list[str]:
    """Return the unexpected lines: those that contain none of the allowed parts."""
    return [line for line in console if not any(part in line for part in (*allowed, FOCUS))]
