"""Take the pictures of the demo, docs/images/demo-*.png, with Chromium. Run by `make pictures`.

A busy machine keeps the demo's thread from sending for a moment, which is a hole in the line of the
picture. So wait until all that the chart shows has come in time.
"""

import base64
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from harness.browser import LAPTOP, PHONE, Browser  # noqa: E402 - below tests
from harness.server import Server  # noqa: E402
from harness.wait import wait_for  # noqa: E402

PRESSES = "cyan green cyan red green cyan cyan green red cyan green cyan red cyan green"
LONGEST_HOLE = 100  # milliseconds between two points
PATIENCE = 300.0  # seconds until a machine that is never calm is given up
HOLE = """
    const {x} = dash_component_api.getLayout("ticker-chart").props.figure.data[0];
    const times = x.map((time) => +new Date(time));
    return times.length < 600 ? 1e9 : Math.max(...times.slice(1).map((time, i) => time - times[i]));
"""


def emulate(browser: Browser, width: int, height: int, scale: int) -> None:
    """Give the page a viewport of this size."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})


def picture(browser: Browser, name: str, *, whole: bool) -> None:
    """Write a picture of the page, once its line has no hole."""
    mouse = {"type": "mouseMoved", "x": 0, "y": 0}  # away from the button
    browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", mouse)
    wait_for(lambda: browser.run(HOLE) <= LONGEST_HOLE, "ten seconds in time", PATIENCE)
    options: dict[str, Any] = {"format": "png", "captureBeyondViewport": whole}
    if whole:
        width, height = browser.run("return [innerWidth, document.body.scrollHeight]")
        options["clip"] = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    taken = browser.driver.execute_cdp_cmd("Page.captureScreenshot", options)
    hole = browser.run(HOLE)
    (ROOT / "docs" / "images" / f"{name}.png").write_bytes(base64.b64decode(taken["data"]))
    print(f"{name}: the longest time between two points is {hole:g} ms")


def main() -> None:
    """Press the buttons in a page of each size and take its picture."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        directory = Path(temporary)
        with Server("werkzeug", "usage", directory / "log", directory=ROOT) as server:
            laptop = Browser(directory / "laptop", LAPTOP)
            phone = Browser(directory / "phone", PHONE)
            emulate(laptop, 1440, 900, 1)
            emulate(phone, 390, 844, 2)
            for browser in (laptop, phone):
                browser.open(server.url)
                browser.wait_for_text("status-light", "open")
            for colour in PRESSES.split():
                browser.click(f"button-{colour}")
            laptop.click("burst-button")
            for browser in (laptop, phone):
                browser.wait_for_text("burst-received", "1000")
            picture(laptop, "demo-laptop", whole=False)
            picture(phone, "demo-phone", whole=True)
            for browser in (laptop, phone):
                browser.quit()


if __name__ == "__main__":
    main()
