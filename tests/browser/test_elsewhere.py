"""The setting `url`: pages connect to the endpoint of another server."""

import pytest

from harness.app import App
from harness.server import Server
from harness.wait import wait_for

APP = "room"
HOSTS = ("waitress",)


@pytest.mark.parametrize(
    ("host", "url"),
    [("gunicorn-sync", "{}/_pipe/"), ("uvicorn", "{}/_pipe"), ("uvicorn", "{}/_pipe/ws")],
)
def test_url_setting_connects_page_to_other_server(host, url, browser, tmp_path):
    endpoint = Server(host, APP, tmp_path / "endpoint")
    there = {"DASH_PIPE_URL": url.format(endpoint.url)}
    with Server("waitress", APP, tmp_path / "pages", settings=there) as pages:
        endpoint.settings["DASH_PIPE_ALLOWED_ORIGINS"] = pages.url
        with endpoint:
            browser.open(pages.url)
            browser.wait_open(status="open")
            App(endpoint.url).send(("room", "news", "from there"))
            browser.wait_for_text("value", "from there")
            browser.fresh()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        # Dash answers every path below its own with its page.
        ("/wrong/", "/wrong/info answered HTTP 200, unlike an endpoint of dash-pipe"),
        ("/_dash-layout/", "/_dash-layout/info answered HTTP "),
    ],
)
def test_page_with_wrong_url_warns_once(path, said, browser, tmp_path):
    settings = {"DASH_PIPE_URL": path}
    with Server("gunicorn-sync", APP, tmp_path / "pages", settings=settings) as pages:
        browser.open(pages.url)
        browser.wait_for_prop("pipe", "status", "connecting")

        def lines():
            return [line for line in browser.console() if "[dash-pipe]" in str(line)]

        (line,) = wait_for(lines, "the line on the console")
        assert said in str(line)
        assert f"no endpoint at {pages.url}{path}: " in str(line)
        browser.fresh()
