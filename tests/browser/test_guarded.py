"""The setting `authorize`, which gets the request of the framework."""

import pytest

from harness.wait import wait_for

APP = "guarded"
HOSTS = ("gunicorn-sync", "uvicorn", "hypercorn", "waitress")


def log_in(browser, url, name="ann"):
    browser.open(url)
    browser.driver.add_cookie({"name": "name", "value": name})
    browser.open(url)


@pytest.mark.denies
def test_authorize_allows_some_pipes_and_denies_others(app, browser):
    log_in(browser, app.url)
    browser.wait_open("public", "news")
    browser.wait_open("hidden", "all", status="denied")
    app.send(("private", "hidden", 1), ("private", "news", 2), ("public", "any", 3))
    browser.wait_for_prop("public", "value", 3)
    browser.wait_for_prop("news", "value", 2)
    assert [browser.prop(one, "n_messages") for one in ("hidden", "all")] == [None, None]


@pytest.mark.denies
def test_logged_out_page_is_denied_until_login(app, browser):
    browser.open(app.url)
    browser.wait_open("news", "hidden", "all", status="denied")
    browser.wait_open("public")
    log_in(browser, app.url)
    browser.wait_open("news")


@pytest.mark.denies
@pytest.mark.cuts
def test_reconnect_after_logout_is_authorized_again(app, browser, proxy):
    log_in(browser, proxy.url)
    browser.wait_open("public", "news")
    browser.driver.delete_all_cookies()
    proxy.cut("/_pipe/ws")
    browser.wait_open("news", status="denied")
    browser.wait_open("public")
    app.send(("private", "news", 1), ("public", "any", 2))
    browser.wait_for_prop("public", "value", 2)
    assert browser.prop("news", "n_messages") is None


@pytest.mark.denies
def test_denied_pipes_are_named_in_console_with_reason(app, browser):
    browser.open(app.url)
    browser.wait_open("news", "hidden", "all", status="denied")
    said = [line for line in browser.console() if "[dash-pipe] Pipe" in line]
    for id_ in ("news", "hidden", "all"):
        assert wait_for(lambda id_=id_: any(id_ in line for line in said), id_)
    assert all("this app does not let you listen there" in line for line in said if "all" in line)
