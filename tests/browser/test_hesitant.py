"""An `authorize` that times out: the page retries."""

import pytest

APP = "hesitant"
HOSTS = ("gunicorn-sync", "gunicorn-gevent", "uvicorn", "hypercorn")


@pytest.mark.websocket
def test_page_after_authorize_timeout_retries_and_opens(app, browser, server):
    browser.open(app.url)
    browser.wait_open()
    app.send(("room", "news", 1))
    browser.wait_for_prop("pipe", "value", 1)
    assert "timed out after 0.3 s (authorize_timeout)" in server.log_text()
