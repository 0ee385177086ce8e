"""A site: Redis, a server process that reaches it through a proxy, its pages and its senders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from typing_extensions import Self

from dash_pipe.brokers import Broker, connect
from dash_pipe.brokers.redis.broker import RedisBroker
from dash_pipe.log import Limits
from dash_pipe.testing.brokers import HubRunner
from harness.page import Page
from harness.proxy import Proxy
from harness.redis import RedisServer
from harness.senders import MAX_IDLE, SEND_TIMEOUT, Senders, end
from harness.wait import wait_for


class Site:
    """A server process with pages, and senders; a context manager.

    A broker and a hub of this process stand for the server process.

    Attributes:
        redis: the server of the senders.
        proxy: the way of server processes to Redis.
        process: the newest server process.
        senders: the processes that send.
        speaker: the process that sends unless a test says otherwise; None for a new one each time.
    """

    def __init__(self, redis: RedisServer, **limits: float) -> None:
        self.redis = redis
        self.proxy = Proxy(redis.port)
        self._limits = Limits(**limits)  # type: ignore[arg-type]
        self.senders = Senders(redis.url, self._limits)
        self.sender = self.senders.start
        self.speaker: Broker | None = None
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        self._ends.enter_context(self.proxy)
        self._ends.enter_context(self.senders)
        self.start_process()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def send(self, *values: Any, label: str = "a", sender: Broker | None = None) -> None:
        """Send messages."""
        self.senders.send(*values, label=label, sender=sender or self.speaker)

    def start_process(self) -> None:
        """Start a server process; it knows nothing of the ones before."""
        url = self.proxy.url.replace("http", "redis")
        self._broker = connect(url, self._limits, MAX_IDLE, SEND_TIMEOUT)
        self._ends.callback(end, self._broker)
        self.process = HubRunner(self._broker)

    def end_process(self) -> None:
        """End the server process. Its pages lose their connections, and it forgets everything."""
        end(self._broker)

    def page(self, labels: Sequence[str] | None = None) -> Page:
        """Open a page on the newest server process."""
        page = Page(labels)
        page.connect(self.process)
        return page

    def has_reported(self, run: str) -> bool:
        """Return whether the process has told a run of Redis what it knows."""
        assert isinstance(self._broker, RedisBroker)
        return not self._broker._sender._heads.due(run, 1)

    def wait_for_release(self) -> None:
        """Wait until the server processes, which have no page, have released all mirrors."""
        wait_for(lambda: not self.redis.ask("PUBSUB", "CHANNELS"), "the mirrors to be released")

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Keep the server processes cut off Redis while inside."""
        self.proxy.refuse()
        self.proxy.cut()
        yield
        self.proxy.allow()

    def start_redis(self, name: str) -> RedisServer:
        """Start another Redis server, which ends with the site."""
        return self._ends.enter_context(RedisServer(self.redis.directory.with_name(name)))

    def move(self, redis: RedisServer) -> None:
        """Have new connections lead to another Redis server."""
        self.redis = redis
        self.proxy.redirect(redis.port)
        self.senders.url = redis.url
