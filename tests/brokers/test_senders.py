"""Sending from scripts, forks, event loops and at exit: processes that serve no browser."""

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import chain

import pytest

import dash_pipe
from brokers.conftest import Make, stop
from dash_pipe import runtime
from dash_pipe.testing.brokers import BrokerReader
from harness.environment import environment
from harness.redis import RedisServer
from harness.server import OLDEST_PYTHON
from harness.wait import TIMEOUT

# The start of each script, which runs in its own process.
SEND = "from dash_pipe import send_to_pipe_channel as send\n"
LISTEN = """
import threading
from dash_pipe import runtime

on_append = threading.Event()

def until(predicate):
    while not predicate():
        assert on_append.wait(15)
        on_append.clear()

def listen():
    broker = runtime.current().broker  # of this process, which may be a fork
    broker.watch(lambda channel: on_append.set())
    log = broker.open("jobs")
    until(lambda: log.epoch)
    return log

def hear(log, position):
    until(lambda: log.end == position)
"""
ALONE = """
import gc, threading
from dash_pipe.hub.hub import Hub
assert threading.active_count() == 1
assert not any(isinstance(one, Hub) for one in gc.get_objects())
"""


def run(code: str, url: str, python: str = sys.executable) -> str:
    """Run a script in its own process; return its output. It must write no error."""
    done = subprocess.run(
        [python, "-W", "error", "-c", code],
        env=environment({"DASH_PIPE_BROKER": url}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def url(redis: RedisServer) -> str:
    return redis.url


@pytest.fixture
def reader(redis: RedisServer, make_redis: Make) -> BrokerReader:
    return BrokerReader(make_redis())


def test_script_that_sends_uses_one_connection(redis: RedisServer, reader: BrokerReader) -> None:
    log = reader.open("jobs")
    before = int(redis.ask("INFO", "stats")["total_connections_received"])
    code = SEND + "print([send('jobs', 'a', n).offset for n in range(3)])" + ALONE
    assert json.loads(run(code, redis.url)) == [1, 2, 3]
    reader.wait_until(lambda: log.head == 3)
    after = int(redis.ask("INFO", "stats")["total_connections_received"])
    assert after - before == 2  # the script's, and that of this request


def test_oldest_redis_py_sends_and_listens(url: str, reader: BrokerReader) -> None:
    script = """
import redis
assert redis.__version__ == "5.0.0"
log = listen()
hear(log, send("jobs", "a", 1))
print(log.read(0, None, 1000).rows[0])
"""
    log = reader.open("jobs")
    said = run(SEND + LISTEN + script, url, OLDEST_PYTHON)
    reader.wait_until(lambda: log.head == 1)
    assert log.read(0, None, 1000).rows == [said.strip()]


def test_message_sent_at_interpreter_exit_arrives(url: str, reader: BrokerReader) -> None:
    script = """
import atexit, threading
main = threading.main_thread()

def after_main():
    main.join()
    send("jobs", "a", "after main")

atexit.register(send, "jobs", "a", "at exit")
threading.Thread(target=after_main).start()
"""
    log = reader.open("jobs")
    run(SEND + script, url)
    reader.wait_until(lambda: log.head == 2)
    assert [row[2] for row in reader.rows(log)] == ["after main", "at exit"]


def test_send_after_fork_works_in_parent_and_child(url: str, reader: BrokerReader) -> None:
    script = """
import os
send("jobs", "a", "parent")
pid = os.fork()
send("jobs", "a", "parent" if pid else "child")
if pid:
    assert os.waitpid(pid, 0)[1] == 0
    send("jobs", "a", "parent")
"""
    log = reader.open("jobs")
    run(SEND + script + ALONE, url)
    reader.wait_until(lambda: log.head == 4)
    senders = [row[2] for row in reader.rows(log)]
    assert sorted(senders[1:3]) == ["child", "parent"]
    assert senders[0] == senders[3] == "parent"


def test_listen_after_fork_works_in_parent_and_child(url: str, reader: BrokerReader) -> None:
    script = """
import os, warnings
log = listen()
warnings.simplefilter("ignore")  # Python warns of forks where there are threads
pid = os.fork()
if pid:
    assert os.waitpid(pid, 0)[1] == 0
    hear(log, send("jobs", "a", "parent"))
else:
    hear(listen(), send("jobs", "a", "child"))
"""
    log = reader.open("jobs")
    run(SEND + LISTEN + script, url)
    reader.wait_until(lambda: log.head == 2)


PROCESSES, EACH = 8, 1250
CROWD = f"""
import json, os, sys
from dash_pipe import send_to_pipe_channel as send
for child in range({PROCESSES}):
    if os.fork() == 0:
        offsets = [send("jobs", "a", [child, n]).offset for n in range({EACH})]
        os.write(1, (json.dumps([child, offsets]) + "\\n").encode())
        os._exit(0)
for child in range({PROCESSES}):
    assert os.wait()[1] == 0
"""


def test_ten_thousand_sends_from_eight_processes_arrive_in_order(
    url: str, make_redis: Make
) -> None:
    readers = [BrokerReader(make_redis()) for _ in range(2)]
    logs = [reader.open("jobs") for reader in readers]
    told = dict(json.loads(line) for line in run(CROWD, url).splitlines())
    assert sorted(chain(*told.values())) == list(range(1, PROCESSES * EACH + 1))
    for reader, log in zip(readers, logs, strict=True):
        reader.wait_until(lambda log=log: log.head == PROCESSES * EACH)
        rows = reader.rows(log)
        assert [row[0] for row in rows] == list(range(1, PROCESSES * EACH + 1))
        for child, offsets in told.items():
            mine = [(offset, value[1]) for offset, _, value in rows if value[0] == child]
            assert mine == list(zip(offsets, range(EACH), strict=True))


# In this process


@pytest.fixture
def configured(url: str, fresh_runtime: None) -> Iterator[str]:
    dash_pipe.configure(broker=url)
    yield url
    stop(runtime.current().broker)


def test_sync_send_on_running_loop_warns_once(
    configured: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> list[int]:
        beside = asyncio.create_task(asyncio.Event().wait())
        first = dash_pipe.send_to_pipe_channel("jobs", "a", 1)
        dash_pipe.send_to_pipe_channel("jobs", "a", 2)
        last = await dash_pipe.async_send_to_pipe_channel("jobs", "a", 3)
        beside.cancel()
        return [first.offset, last.offset]

    with caplog.at_level(logging.WARNING, "dash_pipe"):
        assert asyncio.run(main()) == [1, 3]
    (said,) = caplog.messages
    assert "await async_send_to_pipe_channel" in said


def test_async_send_without_reply_does_not_block_loop(configured: str, redis: RedisServer) -> None:
    dash_pipe.configure(send_timeout=TIMEOUT)

    async def main() -> None:
        await dash_pipe.async_send_to_pipe_channel("jobs", "a", 1)
        redis.pause()
        try:
            sending_ = asyncio.create_task(dash_pipe.async_send_to_pipe_channel("jobs", "a", 2))
            for _ in range(25):
                await asyncio.sleep(0.01)  # a turn of the loop: if that waited for Redis, it would
                assert not sending_.done()  # be over when the send has failed
        finally:
            redis.resume()
        assert (await sending_).offset == 2

    asyncio.run(main())


def test_message_id_is_known_to_sync_and_async_send(configured: str) -> None:
    async def main() -> None:
        ids = {"message_id": "id"}
        first = await dash_pipe.async_send_to_pipe_channel("jobs", "a", 1, **ids)
        assert dash_pipe.send_to_pipe_channel("jobs", "a", 1, **ids) == first

    asyncio.run(main())
    with pytest.raises(dash_pipe.InvalidMessageError, match=r"^message_id: "):
        dash_pipe.send_to_pipe_channel("jobs", "a", 1, message_id="")


def test_send_timeout_setting_bounds_send(configured: str, redis: RedisServer) -> None:
    dash_pipe.configure(send_timeout=3.0)  # longer than the default, to be told from it
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    redis.pause()
    begun = time.monotonic()
    try:
        with pytest.raises(dash_pipe.BrokerUnavailableError):
            dash_pipe.send_to_pipe_channel("jobs", "a", 2)
    finally:
        redis.resume()
    assert time.monotonic() - begun > 2.5  # of the default's 2


def test_redis_url_without_redis_py_raises_with_install_hint() -> None:
    script = """
import logging, sys
logging.getLogger("dash_pipe").setLevel("ERROR")  # which would say that nobody hears it
sys.modules["redis"] = None
from dash_pipe import SettingError, brokers, log
send("jobs", "a", 1)
try:
    brokers.connect("redis://localhost", log.Limits(), 1)
except SettingError as error:
    print(error)
"""
    assert 'pip install "dash-pipe[redis]"' in run(SEND + script, "memory://")


@pytest.mark.parametrize("url", ["redis://localhost:nowhere", "redis://h?socket_timeout=soon"])
def test_invalid_redis_url_raises_setting_error(url: str) -> None:
    with pytest.raises(dash_pipe.SettingError, match=r"^broker: expected a URL of Redis"):
        dash_pipe.brokers.connect(url, dash_pipe.log.Limits(), 1)
