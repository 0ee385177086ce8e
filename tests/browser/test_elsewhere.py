"""The setting `url`: the endpoint is on another server, and the layouts say nothing of it."""

import pytest

from harness.app import App
from harness.server import Server

APP = "room"
HOSTS = ("waitress",)


@pytest.mark.parametrize("host", ["gunicorn-sync", "uvicorn"])
def test_a_page_listens_where_the_setting_says(host, browser, tmp_path):
    endpoint = Server(host, APP, tmp_path / "endpoint")
    there = {"DASH_PIPE_URL": f"{endpoint.url}/_pipe/ws"}
    with Server("waitress", APP, tmp_path / "pages", settings=there) as pages:
        endpoint.settings["DASH_PIPE_ALLOWED_ORIGINS"] = pages.url
        with endpoint:
            browser.open(pages.url)
            browser.wait_open(status="open")
            App(endpoint.url).send(("room", "news", "from there"))
            browser.wait_for_text("value", "from there")
            browser.fresh()
