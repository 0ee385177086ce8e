"""The Django example with Redis, served in each way that its docs name."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.command import run
from harness.django_site import ALONE, BEHIND_NGINX, TOKEN, DjangoSite
from harness.wait import wait_for_value

HOSTS = (*BEHIND_NGINX, *ALONE)


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("site")
    with DjangoSite(request.param, directory, {"LIVE_POKE": "1"}) as site:
        yield site
    assert site.tracebacks() == []


def log_in(browser, site):
    browser.driver.get(f"{site.url}/login/")
    browser.find("#id_username").send_keys("demo")
    browser.find("#id_password").send_keys("demo")
    browser.click("login")
    browser.find("#logout")


def counts(browser):
    """Return the number of presses of each colour in the plot."""
    figure = browser.prop("plot", "figure")
    return dict(zip(figure["data"][0]["x"], figure["data"][0]["y"], strict=True)) if figure else {}


def total(browser):
    """Return the number of presses in the plot."""
    return sum(counts(browser).values())


COUNT = """
from live.presses import COLOURS, cache
print(sum(cache.get_many([f"presses-{colour}" for colour in COLOURS]).values()))
"""


def settle(site, *browsers):
    """Press once, and wait until each plot shows all presses; return how many there are.

    A plot that was just opened may still show an older state: tests run in any order.
    """
    site.manage("press", "red")
    presses = int(site.manage("shell", "-c", COUNT).split()[-1])
    for browser in browsers:
        wait_for_value(lambda browser=browser: total(browser), presses, "the plot to be current")
    return presses


def press(browser, site, colour):
    """Press a button in a tab beside the plot."""
    plot = browser.driver.current_window_handle
    browser.driver.switch_to.new_window("tab")
    browser.open(f"{site.url}/buttons/")
    browser.click(colour)
    return plot


def poke(url, **headers):
    message = {"channel_name": "presses", "label": "counts"}
    message["value"] = {"red": 1000, "cyan": 0, "green": 0}
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(
        f"{url}/dpd/views/poke/", json.dumps(message).encode(), headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_press_updates_plots_of_two_browsers(server, make_browser):
    first, second = make_browser(), make_browser()
    for browser in (first, second):
        log_in(browser, server)
        browser.open(f"{server.url}/plot/")
        browser.wait_open()
    before = settle(server, first, second)
    plot = press(first, server, "cyan")
    wait_for_value(lambda: total(second), before + 1, "the presses")
    first.driver.close()
    first.driver.switch_to.window(plot)
    wait_for_value(lambda: total(first), before + 1, "the presses")
    # A command is a process of its own, and so is who sends over HTTP.
    server.manage("press", "red")
    for browser in (first, second):
        wait_for_value(lambda browser=browser: total(browser), before + 2, "the presses")
    assert poke(server.url) == 401
    assert poke(server.url, Authorization=f"Bearer {TOKEN}") == 200
    for browser in (first, second):
        wait_for_value(lambda browser=browser: total(browser), 1000, "the presses")


def test_doctor_on_the_project_reports_endpoint_and_poke(server):
    base = f"{server.url}/dpd/ws/channel/"
    settings = {"DASH_PIPE_HTTP_POKE_TOKEN": TOKEN}
    code, text, said = run("doctor", "--url", base, settings=settings)
    assert (code, said) == (0, "")
    assert "info: status ok, " in text
    assert "websocket: opens" in text
    assert "poke: accepts messages" in text
    assert "poke: HTTP 401; " in run("doctor", "--url", base)[1]


@pytest.fixture
def plot(server, make_browser):
    """A browser that shows the plot, and all presses in it."""
    browser = make_browser()
    log_in(browser, server)
    browser.open(f"{server.url}/plot/")
    browser.wait_open()
    settle(server, browser)
    return browser


@pytest.mark.denies  # the first page shows a plot to everybody
def test_async_view_that_sends_updates_plot(server, plot, make_browser):
    before = counts(plot)["green"]
    browser = make_browser()
    browser.driver.get(server.url)
    assert browser.run("return getComputedStyle(document.body).maxWidth") == "640px"  # its style
    browser.find("button[value=green]").click()
    wait_for_value(lambda: counts(plot)["green"], before + 1, "the presses")


def test_celery_task_that_sends_updates_plot(server, plot):
    before = counts(plot)["cyan"]
    with server.worker():
        server.manage("press", "cyan", "--later")
        wait_for_value(lambda: counts(plot)["cyan"], before + 1, "the presses")


def test_logged_out_user_is_denied_until_login(server, make_browser):
    browser = make_browser()
    browser.open(f"{server.url}/plot/")
    browser.wait_open("names", status="denied")
    browser.wait_for_text("status", "Log in to see who presses.")
    browser.wait_open()  # the counts are everybody's
    lines = browser.console()
    assert "denied: `authorize` or its `token` does not allow its label" in lines[0]
    assert all("[dash-pipe] Pipe(id=" in line for line in lines)
    server.manage("press", "green")
    log_in(browser, server)
    browser.open(f"{server.url}/plot/")
    browser.wait_open("pipe", "names")
    wait_for_value(lambda: total(browser) > 0, True, "the current state to be there")
    browser.driver.get(server.url)
    browser.click("logout")
    browser.find("a[href='/login/']")
    browser.open(f"{server.url}/plot/")
    browser.wait_open("names", status="denied")
    browser.console()


def status_of(url, data=None, **headers):
    """Make a request that follows no redirect; return the status, and where it redirects to."""
    target = urlsplit(url)
    connection = http.client.HTTPConnection(target.netloc, timeout=30)
    try:
        connection.request("POST" if data else "GET", target.path, data, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Location"]
    finally:
        connection.close()


def test_dash_app_of_a_logged_out_user_serves_nothing(server):
    page = f"{server.url}/buttons/"
    assert status_of(page, Accept="text/html") == (302, "/login/?next=/buttons/")
    assert status_of(f"{page}_dash-layout") == (403, None)
    json_type = {"Content-Type": "application/json"}
    assert status_of(f"{page}_dash-update-component", b"{}", **json_type) == (403, None)
    assert status_of(f"{server.url}/plot/", Accept="text/html") == (200, None)


def test_dash_app_asked_for_by_another_host_answers_400(server):
    assert status_of(f"{server.url}/plot/", Host="evil.example") == (400, None)


def test_dash_callback_knows_the_user_of_the_session(server, plot):
    tab, buttons = press(plot, server, "green"), plot.driver.current_window_handle
    plot.driver.switch_to.window(tab)
    plot.wait_for_text("status", "The last was demo: green.")
    plot.driver.switch_to.window(buttons)  # which may have sent nothing before that
    plot.driver.close()
    plot.driver.switch_to.window(tab)


@pytest.mark.denies
def test_first_page_shows_presses_before_a_login(server, make_browser):
    browser = make_browser()
    browser.driver.get(server.url)
    browser.driver.switch_to.frame(browser.find("iframe"))
    browser.wait_open()
    settle(server, browser)


def test_poke_when_disabled_answers_404(server, tmp_path):
    if server.host != "daphne":
        pytest.skip("the routes are those of the one ASGI process, whatever else there is")
    with DjangoSite("daphne", tmp_path) as site:
        assert poke(site.url, Authorization=f"Bearer {TOKEN}") == 404
