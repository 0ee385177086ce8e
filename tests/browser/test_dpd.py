"""Pages of django-plotly-dash: our Pipe and theirs, on their consumer and on our endpoint."""

import subprocess
import urllib.parse
import urllib.request
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from harness.environment import environment
from harness.redis import RedisServer
from harness.server import APPS, DPD_PYTHON, Server
from harness.wait import wait_for, wait_for_value

HOSTS = ("theirs", "ours")
pytestmark = pytest.mark.framed

# Scripts set as `innerHTML` do not run, so each is created again, in order.
MAKE_SOCKET = """
    const scripts = document.getElementById("late").content.querySelectorAll("script, meta");
    (function next(n) {
        if (n === scripts.length) return;
        const element = document.createElement(scripts[n].localName);
        for (const { name, value } of scripts[n].attributes) element.setAttribute(name, value);
        element.text = scripts[n].text;
        element.onload = () => next(n + 1);
        document.body.append(element);
        if (!element.src) next(n + 1);
    })(0);
"""


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("dpd")
    with RedisServer(directory / "redis") as redis:
        settings = {
            "DJANGO_SETTINGS_MODULE": "dpd_site.settings",
            "ENDPOINT": request.param,
            "REDIS_URL": redis.url,
            "SITE_DATABASE": str(directory / "db.sqlite3"),
        }
        if request.param == "theirs":
            settings["DASH_PIPE_BROKER"] = "channels://default"
        migrate = [DPD_PYTHON, "-m", "django", "migrate", "--verbosity=0"]
        subprocess.run(migrate, cwd=APPS, env=environment(settings), check=True, timeout=60)
        with Server("dpd", "dpd_site", directory / "log", settings=settings) as server:
            server.endpoint = request.param
            yield server
        assert server.tracebacks() == []


class Page:
    """A page with apps in it."""

    def __init__(self, browser, server, how, order, *apps, tag="theirs"):
        self.browser = browser
        self.server = server
        self.how = how
        self.apps = apps
        self.seen = len(server.log_text())
        query = urllib.parse.urlencode({"apps": ",".join(apps), "tag": tag})
        browser.driver.get(f"{server.url}/page/{how}/{order}/?{query}")

    def in_frame(self, app, ask):
        """Run a script in the window of an app."""
        driver = self.browser.driver
        try:
            if self.how == "frame":
                frames = driver.find_elements(By.TAG_NAME, "iframe")
                driver.switch_to.frame(frames[self.apps.index(app)])
            return ask()
        finally:
            driver.switch_to.default_content()

    def prop(self, app, id_, name):
        return self.in_frame(app, lambda: self.browser.prop(id_, name))

    def wait_ready(self):
        for app in self.apps:
            wait_for(lambda app=app: self.prop(app, "heard", "children"), f"{app} to be there")
        if "Ours" in self.apps:
            wait_for(lambda: self.prop("Ours", "pipe", "status") == "open", "our Pipe to be open")

    def send_until_received(self, value, sender):
        """Send until every app has the value: their Pipe has no status for a subscription."""
        url = f"{self.server.url}/send/{sender}/?value={value}"

        def heard() -> bool:
            urllib.request.urlopen(url, timeout=30).close()
            return all(self.prop(app, "heard", "children") == f"heard {value}" for app in self.apps)

        wait_for(heard, f"{self.apps} to have heard {value!r}")

    def sockets(self):
        """Return the number of websockets that the page has opened."""
        return self.server.log_text()[self.seen :].count("WSCONNECT ")


@pytest.fixture
def browser(make_browser):
    return make_browser()


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("how", ["frame", "direct"])
def test_our_pipe_on_dpd_page_receives_messages(server, browser, how, order):
    page = Page(browser, server, how, order, "Ours")
    page.wait_ready()
    page.send_until_received("theirs", "theirs")
    page.send_until_received("ours", "ours")
    assert page.prop("Ours", "pipe", "n_gaps") in {None, 0}
    # On their consumer the page's socket is the only one; on our endpoint our Pipe has its own.
    assert page.sockets() == (1 if server.endpoint == "theirs" else 2)


def test_our_and_dpd_pipe_in_frames_with_late_socket_receive_messages(server, browser):
    tag = server.endpoint
    page = Page(browser, server, "frame", "late", "Ours", "Former", tag=tag)
    for app in page.apps:
        wait_for(lambda app=app: page.prop(app, "heard", "children"), f"{app} to be there")
    if server.endpoint == "theirs":
        wait_for_value(lambda: page.prop("Ours", "pipe", "status"), "connecting", "its status")
    browser.run(MAKE_SOCKET)
    page.wait_ready()
    page.send_until_received("theirs", "theirs")
    page.send_until_received("ours", "ours")


def test_dpd_pipe_in_frame_on_our_endpoint_receives_messages(server, browser):
    if server.endpoint == "theirs":
        pytest.skip("this is about our endpoint")
    page = Page(browser, server, "frame", "after", "Former", tag="ours")
    page.wait_ready()
    page.send_until_received("ours", "ours")
    page.send_until_received("theirs", "theirs")
    assert browser.requests("websocketbridge") == 0
