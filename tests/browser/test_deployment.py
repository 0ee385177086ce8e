"""The deployment of examples/deploy while its processes are killed.

A message has arrived when a callback call with it has succeeded. A call that fails, as its worker
is killed or gunicorn is away, is repeated.
"""

import itertools
import os
import signal
import urllib.error
import urllib.request

import pytest

from harness.calls import calls, watch
from harness.deployment import Deployment
from harness.redis import RedisServer
from harness.server import trusting
from harness.wait import TIMEOUT, wait_for

HOSTS = ("gunicorn", "gateway")  # the holder of the websockets
ROWS = "dash-pipe:{board}:rows"  # its key in Redis
EVERY_SECOND = ("--appendonly yes", "--appendfsync everysec")


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    with RedisServer(tmp_path_factory.mktemp("redis"), *EVERY_SECOND) as redis:
        yield redis


@pytest.fixture(scope="module")
def server(request, redis, tmp_path_factory):
    directory = tmp_path_factory.mktemp("deployment")
    with Deployment(redis, directory, gateway=request.param == "gateway") as deployment:
        yield deployment
        assert deployment.tracebacks() == []


@pytest.fixture
def app(server):
    return server


@pytest.fixture
def page(app, browser):
    """Return an open page whose calls are recorded."""
    browser.open(app.url)
    browser.wait_for_text("status", "open")
    watch(browser)
    return browser


def heard(page):
    """Return the values of calls that succeeded, in order."""
    succeeded = [call for call in calls(page) if call.succeeded]
    return [message["value"] for call in succeeded for message in call.messages]


def wait_until_heard(page, value):
    wait_for(lambda: value in heard(page)[-1000:], f"{value} to arrive", 3 * TIMEOUT)


def kill_a_worker(app, redis):
    """Kill the worker that holds the websocket, if there is no gateway."""
    os.kill(app.workers[0], signal.SIGKILL)


def kill_websocket_process(app, redis):
    if app.gateway in app.running:
        app.gateway.kill9()
        app.gateway.start()
    else:
        kill_a_worker(app, redis)


def kill_every_connection(app, redis):
    assert redis.ask("CLIENT", "KILL", "TYPE", "normal") >= 1
    assert redis.ask("CLIENT", "KILL", "TYPE", "pubsub") >= 1


def restart_redis(app, redis):
    redis.stop()
    redis.start()


HARM = (kill_a_worker, kill_every_connection, restart_redis, kill_websocket_process)


@pytest.mark.cuts
@pytest.mark.kills
def test_messages_while_processes_are_killed_arrive_once_in_order(app, redis, page):
    numbers = iter(range(1000))
    with app.sender() as sender:
        for harm in HARM:
            first, *rest = itertools.islice(numbers, 100)
            sender.say(first, *rest)
            wait_until_heard(page, first)
            sender.say(*itertools.islice(numbers, 100))
            harm(app, redis)
            last = next(numbers)
            sender.say(last)
            wait_until_heard(page, last)
        sender.say(*numbers)
    wait_until_heard(page, 999)
    assert heard(page) == list(range(1000))
    page.wait_for_text("gaps", "0")
    made = calls(page)
    assert len(made) < 500  # messages that arrive during a call are in the next
    wait_for(lambda: all(call.status is not None for call in calls(page)), "their answers")
    failed = [call for call in calls(page) if not call.succeeded]
    assert len(failed) <= 2, failed  # of the two killed workers
    assert all(call.status == 502 for call in failed)
    page.wait_for_text("posted", "1000")


@pytest.mark.cuts
@pytest.mark.kills
def test_messages_while_gunicorn_restarts_are_each_in_one_call_that_succeeds(app, redis, page):
    with app.sender() as sender:
        sender.say(0)
        wait_until_heard(page, 0)
        app.app.stop()
        sender.say(1)
        if app.gateway in app.running:  # else the page learns of it from its new connection
            wait_for(lambda: 502 in [call.status for call in calls(page)], "a call to fail")
        sender.say(2, 3)
        app.app.start()
    wait_until_heard(page, 3)
    assert heard(page) == [0, 1, 2, 3]
    page.wait_for_text("posted", "4")


@pytest.mark.cuts
def test_lost_redis_data_is_one_gap_and_later_messages_arrive(app, redis, page):
    with app.sender() as sender:
        sender.say(*range(100))
        wait_until_heard(page, 99)
        redis.kill9()
        redis.forget()
        redis.start()
        sender.say(*range(100, 200))
    wait_until_heard(page, 199)
    assert heard(page) == list(range(200))
    page.wait_for_text("gaps", "1")
    assert page.prop("pipe", "last_gap")["cause"] == "epoch"
    assert page.prop("pipe", "n_gaps") == 1


@pytest.mark.cuts
def test_redis_rollback_of_unseen_messages_is_reported_as_gap(app, redis, page):
    """Redis returns without the last messages; the process of the page had not received them."""
    with app.sender() as sender:
        sender.say(*range(100))
        wait_until_heard(page, 99)
        with app.paused():
            assert redis.ask("CLIENT", "KILL", "TYPE", "pubsub") >= 1  # else it has them
            known = redis.ask("LLEN", ROWS)
            sender.say(*range(100, 300))
            wait_for(lambda: redis.ask("LLEN", ROWS) == known + 200, "all to be sent")
            redis.kill9()
            redis.tear(5000)  # some ten messages
            redis.start()
            assert redis.ask("LLEN", ROWS) < known + 200
        sender.say(*range(300, 500))
    wait_until_heard(page, 499)
    values = heard(page)
    assert values == sorted(set(values))  # none twice, none out of order
    assert values[-200:] == list(range(300, 500))
    ((before, after),) = [(a, b) for a, b in itertools.pairwise(values) if b != a + 1]
    assert 250 < before < 299
    assert after == 300
    page.wait_for_prop("pipe", "n_gaps", 1)
    assert page.prop("pipe", "last_gap")["cause"] == "epoch"


@pytest.mark.cuts
def test_redis_rollback_of_delivered_messages_is_reported_as_gap(app, redis, page):
    """The log went back below the page, which can't know that it has all that was sent."""
    with app.sender() as sender:
        sender.say(*range(300))
        wait_until_heard(page, 299)
        redis.kill9()
        redis.tear(5000)
        redis.start()
        sender.say(*range(300, 500))
    wait_until_heard(page, 499)
    assert heard(page) == list(range(500))
    page.wait_for_prop("pipe", "n_gaps", 1)


def test_poke_is_reachable_at_private_port_only(app, page):
    message = b'{"channel_name": "board", "label": "notice", "value": "poked"}'
    headers = {"Authorization": f"Bearer {app.settings['DASH_PIPE_HTTP_POKE_TOKEN']}"}

    def poke(root, path):
        request = urllib.request.Request(f"{root}{path}", message, headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT, context=trusting()) as answer:
            return answer.status

    public, private = app.url.removesuffix(app.path), f"http://127.0.0.1:{app.private_port}"
    route = f"{app.path}_pipe/poke/"
    hidden = (route, route.rstrip("/"), route.replace("poke", "%70oke"), f"/{route}")
    for root, path in [*((public, one) for one in hidden), (private, app.path)]:
        with pytest.raises(urllib.error.HTTPError) as caught:
            poke(root, path)
        assert caught.value.code == 404
        caught.value.close()
    assert poke(private, route) == 200
    wait_until_heard(page, "poked")
    assert heard(page) == ["poked"]
