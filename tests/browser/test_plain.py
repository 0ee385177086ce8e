"""A page without a Pipe sends nothing to the endpoint."""

from harness.server import ASGI, WSGI

APP = "plain"
HOSTS = (*WSGI, *ASGI, "werkzeug-oldest")


def test_page_without_pipe_opens_no_socket(browser, proxy):
    browser.open(proxy.url)
    browser.click("count")
    browser.wait_for_text("n", "1")  # the page is loaded: its callbacks work
    assert proxy.count() > 0
    assert proxy.count("/_pipe") == 0
