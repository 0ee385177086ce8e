"""`dash_pipe.listen` against real servers, through a proxy that cuts: in a thread and on a loop."""

import asyncio
import threading
import urllib.error
import urllib.request
from itertools import count, islice

import pytest

import dash_pipe
from dash_pipe import runtime
from harness.app import App
from harness.command import run
from harness.proxy import Proxy
from harness.redis import RedisServer
from harness.server import Server
from harness.wait import TIMEOUT, wait_for, wait_for_value

WINDOW = 1000
# One listener is all that a server takes, so it tells by `health` if it still has one.
SETTINGS = {"DASH_PIPE_WINDOW_MESSAGES": str(WINDOW), "DASH_PIPE_MAX_CONNECTIONS": "1"}
MESSAGES, BURST = 400, 100
channels = (f"channel {n}" for n in count())


@pytest.fixture(scope="module", params=["gunicorn-sync", "uvicorn"])
def server(request, tmp_path_factory):
    log = tmp_path_factory.mktemp("listen") / "log"
    with Server(request.param, "room", log, settings=SETTINGS) as server:
        yield server
    assert server.tracebacks() == []


@pytest.fixture
def proxy(server):
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def app(server):
    return App(server.url)


@pytest.fixture
def channel():
    return next(channels)


def has_no_listener(server):
    """Return whether the server has room again for its one listener."""
    try:
        with urllib.request.urlopen(f"{server.url}/_pipe/health", timeout=TIMEOUT):
            return True
    except urllib.error.HTTPError as answer:
        return answer.code != 503


def listen(at, channel, label=None, **options):
    return dash_pipe.listen(channel, label, url=f"{at.url}/_pipe/", **options)


def in_thread(listener, number, each):
    with listener:
        each(None)
        for message in islice(listener, number):
            each(message)


def on_loop(listener, number, each):
    async def iterate():
        async with listener:
            await asyncio.to_thread(each, None)
            left = number
            async for message in listener:
                await asyncio.to_thread(each, message)
                left -= 1
                if not left:
                    break

    asyncio.run(asyncio.wait_for(iterate(), TIMEOUT))


@pytest.fixture(params=[in_thread, on_loop])
def iterate(request):
    """Call a function with None when subscribed, then with each of a number of messages."""
    return request.param


def test_listener_resumes_after_cuts_without_loss_or_doubles(app, proxy, channel, iterate):
    heard = []

    def each(message):
        if message is not None:
            heard.append(message)
        if len(heard) % BURST == 0:
            app.send(*[(channel, "a", len(heard) + n) for n in range(BURST)])
        if len(heard) % BURST == BURST // 2:  # so the rest of a burst may have come or not
            assert proxy.cut("/_pipe/ws") == 1

    listener = listen(proxy, channel)
    iterate(listener, MESSAGES, each)
    assert [message.value for message in heard] == list(range(MESSAGES))
    assert [message.offset for message in heard] == list(range(1, MESSAGES + 1))
    assert not any(message.gaps for message in heard)
    assert listener.n_gaps == 0
    assert proxy.count("/_pipe/ws") >= MESSAGES // BURST


def test_listener_away_for_more_than_the_window_reports_a_gap_in_order(
    app, proxy, channel, iterate
):
    heard = []

    def each(message):
        if message is None:
            app.send((channel, "a", 0))
            return
        heard.append(message)
        if len(heard) == 1:
            proxy.refuse("/_pipe/ws")
            proxy.cut("/_pipe/ws")
            app.send(*[(channel, "a", n) for n in range(1, WINDOW + 101)])
            proxy.allow()

    listener = listen(proxy, channel)
    iterate(listener, WINDOW + 1, each)
    assert [message.value for message in heard] == [0, *range(101, WINDOW + 101)]
    assert [message.gaps for message in heard[:3]] == [(), (dash_pipe.Gap(1, 101, "window"),), ()]
    assert (listener.n_gaps, listener.last_gap) == (1, heard[1].gaps[0])


def test_replay_comes_first_and_live_messages_after_it(app, server, channel, iterate):
    app.send((channel, "a", 1), (channel, "b", 2), (channel, "a", 3))
    heard = []

    def each(message):
        if message is None:
            app.send((channel, "c", 4))
        else:
            heard.append((message.channel_name, message.label, message.value, message.offset))

    iterate(listen(server, channel, replay=1), 3, each)
    assert heard == [(channel, "b", 2, 2), (channel, "a", 3, 3), (channel, "c", 4, 4)]


@pytest.mark.parametrize("label", ["b", ["b", "c"]])
def test_listener_of_labels_gets_only_those(app, server, channel, iterate, label):
    heard = []

    def each(message):
        if message is None:
            app.send((channel, "a", 1), (channel, "b", 2), (channel, "a", 3), (channel, "b", 4))
        else:
            heard.append(message.value)

    iterate(listen(server, channel, label), 2, each)
    assert heard == [2, 4]


def test_since_continues_after_a_message_of_an_earlier_listener(app, server, channel, iterate):
    positions = []

    def each(message):
        if message is None:
            app.send(*[(channel, "a", n) for n in range(5)])
        else:
            positions.append(message.position)

    iterate(listen(server, channel), 2, each)
    heard = []
    iterate(listen(server, channel, since=positions[0]), 4, heard.append)
    assert [message.value for message in heard[1:]] == [1, 2, 3, 4]


def test_break_closes_the_websocket_and_the_next_loop_goes_on(app, server, channel):
    listener = listen(server, channel, replay=1)
    app.send((channel, "a", 0))
    for message in listener:
        assert message.value == 0
        assert not has_no_listener(server)
        break
    assert has_no_listener(server)
    app.send((channel, "a", 1), (channel, "a", 2))
    assert [message.value for message in islice(listener, 2)] == [1, 2]
    assert has_no_listener(server)


def test_break_of_async_for_closes_the_websocket_and_the_next_loop_goes_on(app, server, channel):
    heard = []

    async def run():
        listener = listen(server, channel, replay=1)
        async for message in listener:
            heard.append(message.value)
            assert not await asyncio.to_thread(has_no_listener, server)
            break
        await asyncio.to_thread(wait_for, lambda: has_no_listener(server), "the listener to leave")
        app.send((channel, "a", 1))
        async for message in listener:
            heard.append(message.value)
            break

    app.send((channel, "a", 0))
    asyncio.run(asyncio.wait_for(run(), TIMEOUT))
    assert heard == [0, 1]


def test_cancelled_task_closes_the_websocket(server, channel):
    async def run():
        async def hear(listener):
            async for message in listener:
                raise AssertionError(message)

        listener = listen(server, channel)
        task = asyncio.create_task(hear(listener))
        while await asyncio.to_thread(has_no_listener, server):
            assert not task.done()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        await asyncio.to_thread(wait_for, lambda: has_no_listener(server), "the listener to leave")

    asyncio.run(asyncio.wait_for(run(), TIMEOUT))


def test_exception_in_the_loop_closes_the_websocket(app, server, channel):
    app.send((channel, "a", 0))

    def divide():
        for message in listen(server, channel, replay=1):
            app.send((channel, "a", 1 / message.value))

    with pytest.raises(ZeroDivisionError):
        divide()
    wait_for(lambda: has_no_listener(server), "the listener to leave")


def test_close_in_another_thread_ends_a_loop_that_waits(server, channel):
    listener = listen(server, channel)
    heard = []
    thread = threading.Thread(target=lambda: heard.extend(listener), daemon=True)
    thread.start()
    wait_for(lambda: not has_no_listener(server), "a listener")
    listener.close()
    thread.join(TIMEOUT)
    assert (thread.is_alive(), heard) == (False, [])
    wait_for_value(lambda: has_no_listener(server), True, "no listener")


def test_slow_loop_is_disconnected_and_continues_where_it_was(tmp_path, iterate):
    settings = {**SETTINGS, "DASH_PIPE_HEARTBEAT_INTERVAL": "0.5"}
    heard = []
    with Server("gunicorn-sync", "room", tmp_path / "log", settings=settings) as server:

        def each(message):
            if message is not None:
                heard.append(message)
            if len(heard) in (0, 2):
                App(server.url).send(*[("jobs", "a", len(heard) + n) for n in range(2)])
            if len(heard) == 1:  # the loop is busy, and answers no ping
                wait_for(lambda: has_no_listener(server), "the listener to be disconnected")

        iterate(listen(server, "jobs"), 4, each)
    assert [message.value for message in heard] == [0, 1, 2, 3]
    assert not any(message.gaps for message in heard)


def test_denied_listener_raises_and_a_cookie_lets_it_in(tmp_path):
    with Server("gunicorn-sync", "guarded", tmp_path / "log") as server:
        with pytest.raises(dash_pipe.ListenDeniedError, match="a Cookie") as error:
            next(iter(listen(server, "private", "news")))
        assert isinstance(error.value, PermissionError)
        App(server.url).send(("private", "news", 1))
        cookie = {"Cookie": "name=ann"}
        (message,) = islice(listen(server, "private", "news", replay=1, headers=cookie), 1)
        assert message.value == 1


def test_listener_without_url_hears_other_processes_through_redis(tmp_path, iterate):
    with RedisServer(tmp_path / "redis") as redis:
        settings = {"DASH_PIPE_BROKER": redis.url}
        heard = []
        with (
            Server("gunicorn-sync", "room", tmp_path / "log", settings=settings) as server,
            runtime.swapped(runtime.Runtime({"broker": redis.url})),
        ):

            def each(message):
                if message is None:
                    App(server.url).send(*[("jobs", "a", n) for n in range(100)])
                else:
                    heard.append(message.value)

            iterate(dash_pipe.listen("jobs"), 100, each)
        assert heard == list(range(100))


def test_listener_without_url_counts_in_other_processes(tmp_path):
    def counted():
        return run("listeners", "jobs", settings={"DASH_PIPE_BROKER": redis.url})

    with (
        RedisServer(tmp_path / "redis") as redis,
        runtime.swapped(runtime.Runtime({"broker": redis.url})),
    ):
        with dash_pipe.listen("jobs"):
            wait_for_value(counted, (0, "1\n", ""), "the count")
        wait_for_value(counted, (0, "0\n", ""), "the count")
