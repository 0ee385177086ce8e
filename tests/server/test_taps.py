"""The sources of docs/taps.md, run as written, each with the system that it reads from."""

import json
import logging
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from celery import Celery
from redis import Redis
from websockets.sync.server import ServerConnection, serve

from harness.celery import CeleryWorker
from harness.nginx import filled
from harness.postgresql import PostgreSQL
from harness.recipes import Recipes
from harness.redis import RedisServer
from harness.server import ROOT, Server
from harness.wait import TIMEOUT, wait_for
from harness.ws import PipeClient

RECIPES = Recipes("docs/taps.md")
APP = """
import logging
from dash import Dash, html
logging.basicConfig(level=logging.INFO)
app = Dash(__name__)
app.layout = html.Div()
"""
REDIS = "redis://localhost:6379/0"

ServeTap = Callable[..., Server]


@pytest.fixture
def serve_tap(tmp_path: Path) -> Iterator[ServeTap]:
    """A function that serves an app with a source of the page, until the test is over.

    The source ends at once when its browser has gone, not 10 seconds later. It must end by then.
    """
    with ExitStack() as stack:

        def serve_tap(heading: str, values: Mapping[str, object] | None = None) -> Server:
            code = filled(RECIPES.code(heading), values or {})
            code, sources = re.subn(r"^(@source\(.+)\)$", r"\1, linger=0)", code, flags=re.M)
            assert sources == 1
            (tmp_path / "tap.py").write_text(f"{APP}\n{code}", encoding="utf-8")
            server = Server("werkzeug", "tap", tmp_path / "log", directory=tmp_path)
            return stack.enter_context(server)

        yield serve_tap


def numbers_on(page: PipeClient, label: str, produce: Callable[[int], object], begin: int) -> int:
    """Produce numbers until one arrives, then three more; return the first that is still unused.

    From the first one on, each arrives once, in order, with the label.
    """
    arrived: list[Any] = []
    for n in count(begin):
        produce(n)
        try:
            arrived += page.rows(1, timeout=0.2)
            break
        except TimeoutError:
            assert n < begin + 5 * TIMEOUT, "no number has arrived"
    for more in range(n + 1, n + 4):
        produce(more)
    while arrived[-1][2] < n + 3:
        arrived += page.rows(1)
    assert [row[2] for row in arrived] == list(range(int(arrived[0][2]), n + 4))
    assert {row[1] for row in arrived} == {label}
    return n + 4


@contextmanager
def serving(feed: Any) -> Iterator[None]:
    """Run a server of a feed in a thread."""
    thread = threading.Thread(target=feed.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        feed.shutdown()
        thread.join(TIMEOUT)


def has_ended(server: Server) -> None:
    """Wait until the source has ended, without being left alone."""
    wait_for(lambda: " has ended" in server.log_text(), "the end of the source")
    assert "left alone" not in server.log_text()


def test_taps_are_all_tested_and_listed() -> None:
    assert RECIPES.untested(Path(__file__)) == set()
    assert RECIPES.unlisted() == set()
    assert "(docs/taps.md)" in (ROOT / "README.md").read_text("utf-8")


def test_redis_tap_reads_entries_in_order_also_after_a_restart(
    serve_tap: ServeTap, tmp_path: Path
) -> None:
    with RedisServer(tmp_path / "redis") as redis:
        server = serve_tap("Redis Streams", {REDIS: redis.url})

        def add(n: int) -> None:
            redis.ask("XADD", "readings", "*", "name", "boiler", "value", n)

        add(-1)  # nobody listens
        with PipeClient(f"{server.url}/") as page:
            page.subscribe("readings")
            after = numbers_on(page, "boiler", add, 0)
            redis.restart()
            numbers_on(page, "boiler", add, after)
            with Redis(port=redis.port) as client, client.pipeline(transaction=False) as pipeline:
                for n in (1000, 1001, 1002):  # the source has read one when the next is there
                    pipeline.xadd("readings", {"name": "boiler", "value": n})
                pipeline.execute()
            arrived: list[Any] = []
            while len(arrived) < 3:
                arrived += page.rows(1)
            assert [row[2] for row in arrived] == [1000, 1001, 1002]
        has_ended(server)


def test_postgresql_tap_reads_notifications_also_after_a_crash(
    serve_tap: ServeTap, tmp_path: Path
) -> None:
    with PostgreSQL(tmp_path / "postgresql.log") as database:
        server = serve_tap("PostgreSQL", {"dbname=shop": database.dsn})
        notify = lambda n: database.execute(f"NOTIFY orders, '{n}'")  # noqa: E731
        with PipeClient(f"{server.url}/") as page:
            page.subscribe("orders")
            after = numbers_on(page, "new", notify, 0)
            database.kill9()
            database.start()
            numbers_on(page, "new", notify, after)
        has_ended(server)


def test_file_tap_reads_complete_lines_also_after_a_rotation(
    serve_tap: ServeTap, tmp_path: Path
) -> None:
    file = tmp_path / "app.log"
    file.write_text("old\n", encoding="utf-8")
    server = serve_tap("A file that grows")

    def write(text: str) -> None:
        with file.open("a", encoding="utf-8") as log:
            log.write(text)

    with PipeClient(f"{server.url}/") as page:
        page.subscribe("log")
        arrived: list[Any] = []
        while not arrived:
            write("begin\n")
            try:
                arrived = page.rows(1, timeout=0.2)
            except TimeoutError:
                continue
        write("whole\nhalf of")
        while arrived[-1][2] != "whole":
            arrived += page.rows(1)
        write(" a line\nnext\n")
        while arrived[-1][2] != "next":
            arrived += page.rows(1)
        assert {row[2] for row in arrived[:-3]} == {"begin"}
        assert [row[2] for row in arrived[-3:]] == ["whole", "half of a line", "next"]
        file.rename(tmp_path / "app.log.1")
        write("first\nsecond\n")
        assert [row[2] for row in page.rows(2)] == ["first", "second"]
    has_ended(server)


class EventStream(ThreadingHTTPServer):
    """An HTTP server whose answers are streams of the numbers in a queue; None ends one."""

    daemon_threads = True

    def __init__(self) -> None:
        self.numbers: SimpleQueue[int | None] = SimpleQueue()
        super().__init__(("127.0.0.1", 0), EventStreamHandler)


class EventStreamHandler(BaseHTTPRequestHandler):
    server: EventStream

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for number in iter(self.server.numbers.get, None):
            self.wfile.write(f"event: trade\ndata: {number}\n\n".encode())
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Write no line for each request."""


def test_event_stream_tap_reads_events_also_after_a_reconnect(serve_tap: ServeTap) -> None:
    with EventStream() as feed, serving(feed):
        address = f"http://127.0.0.1:{feed.server_port}/"
        server = serve_tap("An HTTP event stream", {"https://example.org/trades": address})
        with PipeClient(f"{server.url}/") as page:
            page.subscribe("trades")
            after = numbers_on(page, "trade", feed.numbers.put, 0)
            feed.numbers.put(None)
            numbers_on(page, "trade", feed.numbers.put, after)
        has_ended(server)
        feed.numbers.put(None)


def test_websocket_tap_reads_the_feed_of_each_symbol_also_after_a_reconnect(
    serve_tap: ServeTap,
) -> None:
    feeds: defaultdict[str, SimpleQueue[int | None]] = defaultdict(SimpleQueue)

    def send_all(socket: ServerConnection) -> None:
        assert socket.request is not None
        numbers = feeds[socket.request.path]
        for number in iter(partial(numbers.get, timeout=TIMEOUT), None):
            socket.send(json.dumps(number))

    logging.getLogger("websockets.server").setLevel(logging.ERROR)
    with serve(send_all, "127.0.0.1", 0) as feed, serving(feed):
        port = feed.socket.getsockname()[1]
        server = serve_tap("A websocket feed", {"wss://example.org": f"ws://127.0.0.1:{port}"})
        here = "/quotes?symbol="
        with PipeClient(f"{server.url}/") as page, PipeClient(f"{server.url}/") as other:
            page.subscribe("quotes-ABC")
            other.subscribe("quotes-XYZ")
            after = numbers_on(page, "quote", feeds[f"{here}ABC"].put, 0)
            numbers_on(other, "quote", feeds[f"{here}XYZ"].put, 1000)
            feeds[f"{here}ABC"].put(None)
            numbers_on(page, "quote", feeds[f"{here}ABC"].put, after)
        has_ended(server)
        for numbers in feeds.values():
            numbers.put(None)


TASKS = """
import os
from celery import Celery
from redis import Redis
from redis import Redis

app = Celery("tasks", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])

@app.task(bind=True)
def work(self):
    with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        for done in (1, 2):
            self.update_state(state="PROGRESS", meta={"done": done})
            redis.blpop("go", timeout=30)
    return "all"
"""


def test_celery_tap_sends_states_of_a_task_until_its_end(
    serve_tap: ServeTap, tmp_path: Path
) -> None:
    (tmp_path / "tasks.py").write_text(TASKS, encoding="utf-8")
    with (
        RedisServer(tmp_path / "redis") as redis,
        CeleryWorker("tasks", tmp_path, tmp_path / "celery.log", {"REDIS_URL": redis.url}),
        Celery(broker=redis.url) as celery,
    ):
        server = serve_tap("A Celery task", {REDIS: redis.url})
        with PipeClient(f"{server.url}/") as page:
            page.subscribe("task-t1")
            assert page.rows(1)[0][1:3] == ["state", {"state": "PENDING", "info": None}]
            looks = lambda: redis.ask("INFO", "commandstats")["cmdstat_get"]["calls"]  # noqa: E731
            enough = looks() + 7  # three for each look at the task
            wait_for(lambda: looks() >= enough, "two more looks")
            with pytest.raises(TimeoutError):  # nothing has changed
                page.rows(1, timeout=0.2)
            celery.send_task("tasks.work", task_id="t1")
            for done in (1, 2):
                state = {"state": "PROGRESS", "info": {"done": done}}
                assert [row[2] for row in page.rows(1)] == [state]
                redis.ask("RPUSH", "go", "on")
            assert [row[2] for row in page.rows(1)] == [{"state": "SUCCESS", "info": "all"}]
            wait_for(lambda: "has returned" in server.log_text(), "the end of the generator")
        has_ended(server)
