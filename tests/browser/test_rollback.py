"""Redis loses or returns to older data: the page gets every later message once, and is told."""

from contextlib import ExitStack

import pytest

from dash_pipe.log import Limits
from harness.proxy import Proxy
from harness.redis import RedisServer
from harness.senders import Senders
from harness.server import Server
from harness.wait import wait_for_value

pytestmark = pytest.mark.cuts

READ = "return window.ledger?.[arguments[0]] ?? []"


@pytest.fixture
def redis(tmp_path):
    with RedisServer(tmp_path / "redis") as redis:
        yield redis


@pytest.fixture
def senders(redis):
    with Senders(redis.url) as senders:
        yield senders


@pytest.fixture(params=["werkzeug"])
def serve(request, tmp_path):
    """Return a function that starts the server of tests/apps/ledger.py on a broker."""
    with ExitStack() as stack:

        def serve(url, **settings):
            settings = {"DASH_PIPE_BROKER": url, **settings}
            server = Server(request.param, "ledger", tmp_path / "log", settings=settings)
            stack.enter_context(server)
            stack.callback(lambda: server.tracebacks() == [] or pytest.fail(server.log_text()))
            return server

        yield serve


@pytest.fixture
def open_page(make_browser):
    """Return a function that opens the page of a server, and waits for its Pipes."""

    def open_page(server):
        browser = make_browser()
        browser.open(server.url)
        browser.wait_open("a", "chatty", "quiet")
        return browser

    return open_page


def wait_for_heard(browser, label, values):
    wait_for_value(lambda: browser.run(READ, label), values, f"the messages of {label} to be")


def gaps(browser, label):
    """Return the number of gaps that a Pipe has counted, and the last one."""
    return browser.prop(label, "n_gaps") or 0, browser.prop(label, "last_gap")


def test_page_that_outlives_redis_and_server_gets_later_messages_once_and_a_gap(
    redis, senders, serve, open_page
):
    server = serve(redis.url)
    browser = open_page(server)
    senders.send(1, 2)
    redis.save()
    senders.send(3, 4)
    wait_for_heard(browser, "a", [1, 2, 3, 4])
    server.kill9()  # the whole machine has lost its power
    redis.roll_back()
    senders.send(*range(5, 17))
    server.start()
    browser.wait_for_prop("a", "n_gaps", 1)
    senders.send("last")
    wait_for_heard(browser, "a", [1, 2, 3, 4, *range(5, 17), "last"])
    assert gaps(browser, "a") == (1, {"from": 2, "to": None, "cause": "epoch"})


def test_sender_from_before_the_rollback_repeats_nothing_on_a_page_from_after_it(
    redis, senders, serve, open_page
):
    knows = senders.start()
    senders.send(1, 2, sender=knows)
    redis.save()
    senders.send(3, 4, sender=knows)
    redis.roll_back()
    browser = open_page(serve(redis.url))
    senders.send(5, 6, 7)
    wait_for_heard(browser, "a", [5, 6, 7])
    senders.send("again", sender=knows)
    senders.send("last")
    wait_for_heard(browser, "a", [5, 6, 7, "again", "last"])
    assert gaps(browser, "a") == (0, None)


def test_sender_from_before_the_rollback_tells_the_page_what_nobody_else_knew(
    redis, senders, serve, open_page
):
    server = serve(redis.url)
    browser = open_page(server)
    knows = senders.start()
    senders.send(1, 2, sender=knows)
    wait_for_heard(browser, "a", [1, 2])
    redis.save()
    server.kill9()
    senders.send(3, 4, sender=knows)
    redis.roll_back()
    server.start()
    senders.send(5)
    wait_for_heard(browser, "a", [1, 2, 5])
    senders.send(6, sender=knows)
    browser.wait_for_prop("a", "n_gaps", 1)
    senders.send("last")
    wait_for_heard(browser, "a", [1, 2, 5, 6, "last"])
    (count, gap) = gaps(browser, "a")
    assert (count, gap["cause"]) == (1, "epoch")


def test_quiet_pipe_counts_no_gap_when_a_chatty_label_overflowed_while_cut_off(
    redis, senders, serve, open_page
):
    with Proxy(redis.port) as proxy:
        url = proxy.url.replace("http", "redis")
        browser = open_page(serve(url, DASH_PIPE_WINDOW_MESSAGES="5"))
        senders.send("hush", label="quiet")
        senders.send(*range(3), label="chatty")
        wait_for_heard(browser, "chatty", [0, 1, 2])
        proxy.refuse()
        proxy.cut()
        with Senders(redis.url, Limits(messages=5)) as others:
            others.send(*range(3, 30), label="chatty")
            proxy.allow()
            wait_for_heard(browser, "chatty", [0, 1, 2, 25, 26, 27, 28, 29])
            others.send("last", label="quiet")
        wait_for_heard(browser, "quiet", ["hush", "last"])
        assert gaps(browser, "chatty")[0] == 1
        assert gaps(browser, "quiet") == (0, None)
        assert gaps(browser, "a") == (0, None)  # it never carried a message


@pytest.mark.parametrize("process_ends", [False, True], ids=["server-lives", "server-ends"])
def test_second_rollback_to_the_same_moment_repeats_nothing(
    redis, senders, serve, open_page, process_ends
):
    server = serve(redis.url)
    browser = open_page(server)
    senders.send(1, 2)
    wait_for_heard(browser, "a", [1, 2])
    redis.save()
    for count, value in enumerate((3, 4), 1):
        senders.send(value)
        wait_for_heard(browser, "a", list(range(1, value + 1)))
        if process_ends:
            server.kill9()
        redis.roll_back()
        if process_ends:
            server.start()
        browser.wait_for_prop("a", "n_gaps", count)
    senders.send("last")
    wait_for_heard(browser, "a", [1, 2, 3, 4, "last"])
    assert gaps(browser, "a") == (2, {"from": 2, "to": None, "cause": "epoch"})
