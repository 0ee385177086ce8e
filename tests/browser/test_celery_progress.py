"""The example that shows the progress of a Celery task, with a real worker."""

import pytest

from harness.app import App
from harness.browser import PHONE
from harness.celery import CeleryWorker
from harness.redis import RedisServer
from harness.server import ROOT, Server
from harness.wait import TIMEOUT, wait_for

EXAMPLE = ROOT / "examples" / "celery_progress"
HOSTS = ("script",)  # as in its README


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    directory = tmp_path_factory.mktemp("redis")
    with RedisServer(directory, "--save 3600 1000000") as redis:  # saves at its shutdown
        yield redis


@pytest.fixture(scope="module")
def settings(redis):
    return {"REDIS_URL": redis.url}


@pytest.fixture(scope="module")
def server(request, settings, tmp_path_factory):
    log = tmp_path_factory.mktemp("server") / "log"
    with Server(request.param, "app", log, directory=EXAMPLE, settings=settings) as server:
        yield server
    assert server.tracebacks() == []


@pytest.fixture
def app(server):
    return App(server.url)


@pytest.fixture
def worker(settings, tmp_path):
    with CeleryWorker("tasks", EXAMPLE, tmp_path / "celery.log", settings) as worker:
        yield worker


def in_row(page, number, script):
    """Return the result of a script for a row, as soon as it is true."""
    row = page.find(f"li:nth-child({number + 1})")
    return page.run(f"const row = arguments[0]; return {script};", row)


def text(page, number=0):
    """Return the text of a row."""
    return in_row(page, number, "row.querySelector('[role=status]').innerText")


def width(page, number=0):
    """Return the filled part of its bar, between 0 and 1."""
    return in_row(
        page,
        number,
        "row.querySelector('.bar').clientWidth / row.querySelector('.track').clientWidth",
    )


def wait_for_text(page, expected, number=0):
    wait_for(
        lambda: text(page, number) == expected, f"row {number} to say {expected!r}", 2 * TIMEOUT
    )


def test_progress_bar_advances_until_task_is_done(app, browser, settings, tmp_path):
    browser.open(app.url)
    browser.click("start")
    wait_for_text(browser, "waiting for a worker")
    with CeleryWorker("tasks", EXAMPLE, tmp_path / "celery.log", settings):
        widths = []

        def is_full():
            widths.append(width(browser))
            return widths[-1] == 1

        wait_for(is_full, "the bar to be full", 2 * TIMEOUT)
        wait_for_text(browser, "done: 50 steps done")
        assert len({*widths}) > 3  # it has moved, and on
        assert widths == sorted(widths)


def test_failed_or_killed_task_is_shown_as_failed(app, browser, worker):
    browser.open(app.url)
    browser.click("fail")
    wait_for_text(browser, "failed: the data make no sense", 0)
    browser.click("kill")
    wait_for(lambda: text(browser, 1).startswith("failed: "), "its end", 2 * TIMEOUT)
    assert "SIGKILL" in text(browser, 1)


def test_page_reload_shows_current_progress(app, make_browser, worker):
    page = make_browser(PHONE)
    page.open(app.url)
    page.click("start")
    wait_for(lambda: width(page) > 0.1, "the bar to move")
    page.open(app.url)
    wait_for(lambda: width(page) > 0.1, "the bar to be where it was")
    wait_for_text(page, "done: 50 steps done")
    page.open(app.url)
    wait_for_text(page, "done: 50 steps done")
    page.click("start")
    wait_for(lambda: width(page, 1) > 0.1, "the bar of another task to move")
    assert text(page, 0) == "done: 50 steps done"


@pytest.mark.cuts
def test_task_during_redis_restart_is_shown_as_done(app, redis, browser, worker):
    browser.open(app.url)
    browser.click("start")
    wait_for(lambda: width(browser) > 0.1, "the bar to move")
    redis.stop()
    redis.start()
    wait_for_text(browser, "done: 50 steps done")
