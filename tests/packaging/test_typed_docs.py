"""The docs, typed word by word in an empty folder by somebody who has only the wheel.

To add a document: name it and its section in a test, type its steps, and check what it promises.
"""

import re

import pytest

from harness.browser import DASHS_OWN, Browser, unexpected
from harness.server import ROOT
from harness.typed import section, steps
from harness.typist import Typist

pytestmark = pytest.mark.timeout(400)  # each installs what a user does


@pytest.fixture
def typist(wheel, tmp_path):
    with Typist(tmp_path, wheel) as typist:
        yield typist


@pytest.fixture
def make_browser(tmp_path, typist):
    """A function that returns one more browser."""
    browsers = []

    def make():
        browsers.append(Browser(tmp_path / f"profile{len(browsers)}"))
        return browsers[-1]

    yield make
    consoles = [unexpected(browser.console(), DASHS_OWN) for browser in browsers]
    for browser in browsers:
        browser.quit()
    assert consoles == [[] for _ in browsers]


def inline_command(document, heading, program):
    """Return the command that a section has in its text."""
    text = section((ROOT / document).read_text(encoding="utf-8"), heading)
    (command,) = re.findall(rf"`({program} [^`]+)`", text)
    return command


def test_readme_start_updates_both_browsers(typist, make_browser):
    typist.type(steps("README.md", "Start"))
    pages = [make_browser(), make_browser()]
    for page in pages:
        page.open(typist.url(8050))
        page.wait_open()
    pages[0].click("send")
    for page in pages:
        page.wait_for_text("news", "press number 1")


def test_fastapi_start_shows_what_is_posted(typist, make_browser):
    typist.type(steps("docs/hosts.md", "Start on FastAPI"))
    page = make_browser()
    page.open(typist.url(8000))
    page.wait_open()
    assert typist.run(inline_command("docs/hosts.md", "Start on FastAPI", "curl")) == '"told"'
    page.wait_for_text("news", "hello")
