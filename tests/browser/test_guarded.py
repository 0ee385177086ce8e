"""Who may listen: `authorize`, which is given the framework's own request."""

import pytest

from harness.wait import wait_for

APP = "guarded"
HOSTS = ("gunicorn-sync", "uvicorn", "hypercorn", "waitress")


def log_in(browser, url, name="ann"):
    browser.open(url)
    browser.driver.add_cookie({"name": "name", "value": name})
    browser.open(url)


@pytest.mark.denies
def test_the_pipes_that_may_listen_do_and_the_others_are_denied(app, browser):
    log_in(browser, app.url)
    browser.wait_open("public", "news")
    browser.wait_open("hidden", "all", status="denied")
    app.send(("private", "hidden", 1), ("private", "news", 2), ("public", "any", 3))
    browser.wait_for_prop("public", "value", 3)
    browser.wait_for_prop("news", "value", 2)
    assert [browser.prop(one, "n_messages") for one in ("hidden", "all")] == [None, None]


@pytest.mark.denies
def test_who_is_nobody_is_denied_until_the_page_is_somebodys(app, browser):
    browser.open(app.url)
    browser.wait_open("news", "hidden", "all", status="denied")
    browser.wait_open("public")
    log_in(browser, app.url)
    browser.wait_open("news")


@pytest.mark.denies
@pytest.mark.cuts
def test_a_permission_is_asked_for_again_when_a_page_comes_back(app, browser, proxy):
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
def test_the_console_says_which_pipe_and_why(app, browser):
    browser.open(app.url)
    browser.wait_open("news", "hidden", "all", status="denied")
    said = [line for line in browser.console() if "[dash-pipe] Pipe" in line]
    for id_ in ("news", "hidden", "all"):
        assert wait_for(lambda id_=id_: any(id_ in line for line in said), id_)
    assert all("this app does not let you listen there" in line for line in said if "all" in line)
