"""Listeners and senders when connections to Redis, or Redis itself, fail."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from brokers.conftest import Make, makes
from dash_pipe.brokers import Broker
from dash_pipe.brokers.redis import mirrors, pulse, sync
from dash_pipe.brokers.redis.broker import RedisBroker
from dash_pipe.brokers.redis.connection import _warn_once, connector
from dash_pipe.errors import BrokerUnavailableError
from dash_pipe.log import Ended, Limits, Log, Loss, Position, translate
from dash_pipe.testing.brokers import BrokerReader, HubRunner
from harness.child import Child
from harness.environment import environment
from harness.proxy import Proxy
from harness.redis import RedisServer
from harness.wait import TIMEOUT, wait_for
from unit.fakes import rows


@pytest.fixture
def make(server: RedisServer) -> Iterator[Make]:
    yield from makes(server.url)


class Stream:
    """Send 1, 2, 3, ... from a thread until it is stopped; retry each until it is sent."""

    def __init__(self, broker: Broker) -> None:
        self.positions: list[Position] = []
        self._broker = broker
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> "Stream":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _send(self) -> None:
        while not self._stopping.is_set():
            number = len(self.positions) + 1
            self.positions.append(self._broker.publish("jobs", "a", str(number)))

    def more(self, count: int = 50) -> None:
        """Wait until a number of further messages were sent."""
        enough = len(self.positions) + count
        wait_for(lambda: len(self.positions) >= enough, f"{enough} messages to be sent")


def values(reader: BrokerReader, log: Log) -> list[object]:
    return [value for _, _, value in reader.rows(log)]


CLEAN = ("--save 3600 1000000",)  # saves at its shutdown, and not before
EVERY_SECOND = ("--appendonly yes", "--appendfsync everysec")


def drop_the_follower(server: RedisServer) -> None:
    wait_for(lambda: server.ask("CLIENT", "KILL", "TYPE", "pubsub"), "the follower to be connected")


def drop_all_connections(server: RedisServer) -> None:
    assert server.ask("CLIENT", "KILL", "TYPE", "normal") >= 1
    server.ask("CLIENT", "KILL", "TYPE", "pubsub")


def restart(server: RedisServer) -> None:
    server.stop()
    server.start()


@pytest.mark.parametrize("server", [CLEAN], indirect=True)
@pytest.mark.parametrize("harm", [drop_the_follower, drop_all_connections, restart])
def test_connection_loss_or_restart_loses_and_repeats_nothing(
    server: RedisServer, make: Make, harm: Callable[[RedisServer], None]
) -> None:
    reader = BrokerReader(make())
    log = reader.open("jobs")
    epoch = log.epoch
    with Stream(make()) as stream:
        for _ in range(5):
            stream.more()
            harm(server)
        stream.more()
    reader.wait_for_end(log, stream.positions[-1])
    assert values(reader, log) == list(range(1, len(stream.positions) + 1))
    assert [position.offset for position in stream.positions] == values(reader, log)
    start = Position(epoch, 0)
    assert log.epoch == epoch or translate(log.past, start) == (0, Loss.NONE)


def test_connection_cut_mid_frame_loses_and_repeats_nothing(
    server: RedisServer, make: Make
) -> None:
    with Proxy(server.port) as proxy:
        through = proxy.url.replace("http", "redis")
        reader = BrokerReader(make(through))
        log = reader.open("jobs")
        with Stream(make(through)) as stream:
            for _ in range(20):
                stream.more(10)
                assert proxy.cut()
        reader.wait_for_end(log, stream.positions[-1])
    assert values(reader, log) == list(range(1, len(stream.positions) + 1))


def test_messages_missed_beyond_window_are_gap(server: RedisServer, make: Make) -> None:
    with Proxy(server.port) as proxy:
        reader = BrokerReader(make(proxy.url.replace("http", "redis"), messages=3))
        log = reader.open("jobs")
        sender = make(messages=3)
        reader.wait_for_end(log, sender.publish("jobs", "a", "1"))
        proxy.refuse()
        proxy.cut()
        for label in "abbbb":
            last = sender.publish("jobs", label, "2")
        proxy.allow()
        reader.wait_for_end(log, last)
    assert [row[0] for row in reader.rows(log)] == [2, 4, 5, 6]
    assert dict(log.lost(1, frozenset("b")))["b"] >= 3
    assert log.lost(6, None) == []


def test_messages_missed_within_window_are_no_gap(server: RedisServer, make: Make) -> None:
    with Proxy(server.port) as proxy:
        reader = BrokerReader(make(proxy.url.replace("http", "redis"), messages=3))
        log = reader.open("jobs")
        sender = make(messages=3)
        reader.wait_for_end(log, first := sender.publish("jobs", "a", "1"))
        proxy.refuse()
        proxy.cut()
        for _ in range(3):
            last = sender.publish("jobs", "a", "2")
        proxy.allow()
        reader.wait_for_end(log, last)
    assert last.epoch == first.epoch == log.epoch
    assert log.lost(1, None) == []


def forbid_to_subscribe(server: RedisServer) -> Callable[[], object]:
    """Make Redis reject SUBSCRIBE; return a function that undoes it."""
    server.ask("ACL", "SETUSER", "default", "-subscribe")
    return lambda: server.ask("ACL", "SETUSER", "default", "+subscribe")


def forbid_to_read(server: RedisServer) -> Callable[[], object]:
    """Make Redis reject reads after a subscription; return a function that undoes it."""
    server.ask("ACL", "SETUSER", "default", "-lrange", "-eval")
    return lambda: server.ask("ACL", "SETUSER", "default", "+lrange", "+eval")


def subscribes(server: RedisServer) -> int:
    """Return the number of SUBSCRIBE requests, rejected ones included."""
    asked = server.ask("INFO", "commandstats").get("cmdstat_subscribe", {})
    return int(asked.get("calls", 0)) + int(asked.get("rejected_calls", 0))


@pytest.mark.parametrize("forbid", [forbid_to_subscribe, forbid_to_read])
def test_rejected_follower_retries_with_backoff(
    server: RedisServer,
    make: Make,
    forbid: Callable[[RedisServer], Callable[[], object]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    make().publish("jobs", "a", '"old"')
    allow = forbid(server)
    runner = HubRunner(make())
    browser = runner.browser()
    begun = time.monotonic()
    assert browser.subscribe("jobs") == []
    wait_for(lambda: subscribes(server) >= 5, "five attempts")
    assert time.monotonic() - begun > 0.05 + 0.1 + 0.2 + 0.4
    assert list(browser.drain()) == []  # so its status is `connecting`
    (said,) = caplog.messages
    assert said.startswith("dash-pipe: lost the connection to Redis; reconnecting")
    allow()
    (answer,) = runner.frames(browser, [], bool)
    assert (answer["type"], answer["offset"]) == ("subscribed", 1)
    wait_for(lambda: len(caplog.messages) > 1, "it to be said")
    assert caplog.messages[1:] == ["dash-pipe: reconnected to Redis"]


def test_lost_data_starts_new_epoch(server: RedisServer, make: Make) -> None:
    runner, reader = HubRunner(broker := make()), BrokerReader(broker)
    log = reader.open("jobs")
    browser = runner.browser()
    old = make().publish("jobs", "a", "1")
    reader.wait_for_end(log, old)
    browser.subscribe("jobs")
    server.kill9()
    server.start()
    reader.wait_until(lambda: log.epoch != old.epoch)
    (frame,) = runner.frames(browser, [], lambda frames: frames)  # it is notified at once
    assert (frame["epoch"], frame["messages"], frame["upto"]) == (log.epoch, [], 0)
    new = make().publish("jobs", "a", "2")
    assert new == (log.epoch, 1)
    assert rows(runner.frames(browser, [], rows)) == [[1, "a", 2]]


def test_log_without_its_meta_key_starts_new_epoch(server: RedisServer, make: Make) -> None:
    sender = make(messages=2)
    for label in "aabcc":
        old = sender.publish("jobs", label, "1")
    assert server.ask("DEL", "dash-pipe:{jobs}:meta") == 1
    new = sender.publish("jobs", "a", "1")
    assert new.offset == 1
    assert new.epoch != old.epoch
    assert BrokerReader(make(messages=2)).open("jobs").end == new


@pytest.mark.parametrize("found_by", ["sender", "reader"])
@pytest.mark.parametrize(
    ("part", "kept", "lost"),
    [
        ("rows", [2, 3], {None: 1, "c": 5}),
        ("newest", [4, 5], {"a": 2, "b": 3}),
        ("labels", [4, 5], {None: 3}),
        ("lost", [2, 3, 4, 5], {None: 3}),
        ("ids", [2, 3, 4, 5], {"a": 1}),
    ],
)
def test_log_without_an_evicted_part_goes_on_and_names_what_is_lost(
    server: RedisServer, make: Make, part: str, kept: list[int], lost: dict[str, int], found_by: str
) -> None:
    sender = make(messages=2)
    for label in "aabcc":  # 2 and 3 are kept beside the window
        old = sender.publish("jobs", label, "1")
    assert server.ask("DEL", f"dash-pipe:{{jobs}}:{part}") == 1
    if found_by == "sender":
        new = make(messages=2).publish("jobs", "d", "1")
        assert new == (old.epoch, 6)
    reader = BrokerReader(make(messages=2))
    log = reader.open("jobs")
    assert log.epoch == old.epoch
    named = {**lost, "c": 4} if found_by == "sender" and part in ("newest", "ids") else lost
    if found_by == "reader":
        assert [offset for offset, *_ in reader.rows(log)] == kept
        assert dict(log.lost(0, None)) == named
    assert log.lost(old.offset, None) == []  # who has read all has lost nothing


def test_message_ids_of_lost_log_are_remembered(server: RedisServer, make: Make) -> None:
    sender = make()
    sender.publish("jobs", "a", "1", "id")
    server.ask("DEL", "dash-pipe:{jobs}:meta")
    assert sender.publish("jobs", "a", "1", "id").offset == 0
    assert sender.publish("jobs", "a", "1", "other").offset == 1


@pytest.fixture
def rolled_back(server: RedisServer) -> Callable[[Callable[[], None]], None]:
    """Send something, then restart Redis without it, as from an older disk."""

    def roll_back(lose: Callable[[], None]) -> None:
        server.ask("SAVE")
        lose()
        server.kill9()
        server.start()

    return roll_back


RollBack = Callable[[Callable[[], None]], None]


def test_rollback_starts_new_epoch(server: RedisServer, make: Make, rolled_back: RollBack) -> None:
    runner, reader = HubRunner(broker := make()), BrokerReader(broker)
    log = reader.open("jobs")
    sender = make()
    old = sender.publish("jobs", "a", "1")
    rolled_back(lambda: reader.wait_for_end(log, sender.publish("jobs", "a", "2")))
    reader.wait_until(lambda: log.epoch != old.epoch)
    assert log.past == (Ended(old.epoch, 1, 2),)
    new = sender.publish("jobs", "a", "3")
    assert new == (log.epoch, 2)
    browser = runner.browser()
    since = {"epoch": old.epoch, "offset": 2}
    frames = runner.frames(browser, browser.subscribe("jobs", since=since), rows)
    assert frames[0]["recovered"] is False
    assert rows(frames) == [[2, "a", 3]]


def test_rollback_overwritten_by_new_messages_is_detected(
    server: RedisServer, make: Make, rolled_back: RollBack
) -> None:
    with Proxy(server.port) as proxy:
        reader = BrokerReader(make(proxy.url.replace("http", "redis")))
        log = reader.open("jobs")
        sender = make()
        first = sender.publish("jobs", "a", "1")
        reader.wait_for_end(log, first)

        def lose() -> None:
            reader.wait_for_end(log, sender.publish("jobs", "a", '"lost"'))
            proxy.refuse()
            proxy.cut()

        rolled_back(lose)
        sender = make()  # one that knows nothing of the past
        for offset, value in ((2, "3"), (3, "4")):  # before the listener is back
            new = sender.publish("jobs", "a", value)
            assert new.offset == offset
            assert new.epoch != first.epoch
        proxy.allow()
        reader.wait_until(lambda: log.epoch not in {first.epoch, new.epoch})
        assert translate(log.past, Position(first.epoch, 2)) == (1, Loss.LOST)
        assert translate(log.past, Position(first.epoch, 1)) == (1, Loss.LOST)
        assert translate(log.past, new) == (3, Loss.NONE)
        assert values(reader, log) == [1, 3, 4]
        assert sender.publish("jobs", "a", "5") == (log.epoch, 4)


def test_log_rolled_back_within_a_run_starts_new_epoch(server: RedisServer, make: Make) -> None:
    """A proxy may hide that another server has taken over."""
    reader = BrokerReader(make())
    log = reader.open("jobs")
    sender = make()
    for value in ("1", "2"):
        old = sender.publish("jobs", "a", value)
    reader.wait_for_end(log, old)
    keys = ["meta", "rows", "newest", "labels", "lost", "ids"]
    names = [f"dash-pipe:{{jobs}}:{key}" for key in keys]
    for name in names:
        server.ask("COPY", name, f"old {name}")
    reader.wait_for_end(log, sender.publish("jobs", "a", '"lost"'))
    server.ask("DEL", *names)
    for name in names:
        server.ask("COPY", f"old {name}", name)
    new = make().publish("jobs", "a", "4")  # by a sender that knows nothing
    assert new == (old.epoch, 3)
    reader.wait_until(lambda: log.epoch != old.epoch)
    assert log.past == (Ended(old.epoch, 2, 3),)
    assert values(reader, log) == [1, 2, 4]


@pytest.mark.parametrize("server", [EVERY_SECOND], indirect=True)
def test_server_killed_while_writing_leaves_no_hole_in_an_epoch(
    server: RedisServer, make: Make
) -> None:
    readers = [BrokerReader(make()) for _ in range(2)]
    logs = [reader.open("jobs") for reader in readers]
    with Stream(make()) as stream:
        for _ in range(3):
            stream.more()
            server.kill9()
            server.tear(5000)  # some ten messages
            server.start()
        stream.more()
    assert len({position.epoch for position in stream.positions}) > 1
    for reader, log in zip(readers, logs, strict=True):
        reader.wait_for_end(log, stream.positions[-1])
        read = reader.rows(log)
        assert [offset for offset, *_ in read] == list(range(1, len(read) + 1))
        # A loss is never inside an epoch: it is after the messages that the next one continues.
        heard = [int(str(value)) for _, _, value in read]
        holes = [after for after, next_ in pairwise(heard) if next_ != after + 1]
        ends = [heard[ended.offset - 1] for ended in log.past if ended.end != ended.offset]
        assert set(holes) <= set(ends)
        assert heard[-1] == len(stream.positions)
    assert logs[0].end == logs[1].end


# Senders


def test_publish_during_restart_waits_for_server(server: RedisServer, make: Make) -> None:
    reader = BrokerReader(make())
    log = reader.open("jobs")
    sender = make()
    sender.publish("jobs", "a", "1")
    server.stop()
    back = threading.Timer(0.5, server.start)
    back.start()
    try:
        position = sender.publish("jobs", "a", "2")
    finally:
        back.join()
    reader.wait_for_end(log, position)
    assert values(reader, log)[-1] == 2


def set_send_timeout(sender: Broker, seconds: float) -> None:
    """Change the timeout for the messages to come."""
    assert isinstance(sender, RedisBroker)
    sender._sender._timeout = seconds


def test_publish_after_timeout_raises_not_sent(server: RedisServer, make: Make) -> None:
    sender = make()
    sender.publish("jobs", "a", "1")
    server.stop()
    set_send_timeout(sender, 0.5)
    begun = time.monotonic()
    with pytest.raises(BrokerUnavailableError, match="was not sent") as caught:
        sender.publish("jobs", "a", "2", "id")
    assert time.monotonic() - begun < 5  # of the default's 10
    assert caught.value.may_have_been_sent is False
    assert caught.value.message_id == "id"


def test_publish_with_tiny_timeout_raises_not_sent(server: RedisServer, make: Make) -> None:
    with pytest.raises(BrokerUnavailableError, match="was not sent") as caught:
        make(send_timeout=1e-9).publish("jobs", "a", "1")
    assert caught.value.may_have_been_sent is False


def test_publish_without_reply_raises_may_have_been_sent(server: RedisServer, make: Make) -> None:
    sender = make()
    sender.publish("jobs", "a", "1")
    server.pause()
    set_send_timeout(sender, 1.0)
    begun = time.monotonic()
    with pytest.raises(BrokerUnavailableError, match="may have been sent") as caught:
        sender.publish("jobs", "a", "2")
    assert time.monotonic() - begun < 5  # of the default's 10
    assert caught.value.may_have_been_sent is True
    server.resume()
    set_send_timeout(sender, TIMEOUT)
    again = sender.publish("jobs", "a", "2", caught.value.message_id)
    assert sender.publish("jobs", "a", "3") == (again.epoch, 3)  # 2 is there, and once
    reader = BrokerReader(make())
    assert values(reader, reader.open("jobs")) == [1, 2, 3]


def test_publish_without_password_raises_at_once(server: RedisServer, make: Make) -> None:
    server.ask("CONFIG", "SET", "requirepass", "secret")
    begun = time.monotonic()
    with pytest.raises(BrokerUnavailableError, match=r"was not sent: .*[Aa]uth") as caught:
        make().publish("jobs", "a", "1")
    assert time.monotonic() - begun < 5  # of 10
    assert caught.value.may_have_been_sent is False
    assert make(server.url.replace("//", "//:secret@")).publish("jobs", "a", "1").offset == 1


def test_publish_whose_script_fails_raises_may_have_been_sent(
    server: RedisServer, make: Make
) -> None:
    server.ask("ACL", "SETUSER", "default", "resetchannels")  # the last message can't be sent now
    with pytest.raises(BrokerUnavailableError, match=r"may have been sent.*script") as caught:
        make().publish("jobs", "a", "1")
    server.ask("ACL", "SETUSER", "default", "allchannels")
    make().publish("jobs", "a", "1", caught.value.message_id)
    reader = BrokerReader(make())
    assert values(reader, reader.open("jobs")) == [1]


def test_sender_after_rollback_of_its_message_starts_new_epoch(
    server: RedisServer, make: Make, rolled_back: RollBack
) -> None:
    sender, other = make(), make()
    first = sender.publish("jobs", "a", "1")
    rolled_back(lambda: sender.publish("jobs", "a", "2"))  # nobody else knows it
    new = other.publish("jobs", "a", "3")
    assert new.epoch != first.epoch
    assert other.publish("jobs", "a", "4") == (new.epoch, 3)
    last = sender.publish("jobs", "a", "5")
    assert last.epoch not in {first.epoch, new.epoch}
    reader = BrokerReader(make())
    log = reader.open("jobs")
    assert values(reader, log) == [1, 3, 4, 5]
    assert translate(log.past, Position(first.epoch, 1)) == (1, Loss.LOST)
    assert translate(log.past, Position(new.epoch, 3)) == (3, Loss.NONE)


# Time


def connection_ids(server: RedisServer) -> set[str]:
    return {line.split()[0] for line in server.clients()}


def test_idle_follower_keeps_its_connections(
    server: RedisServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than the idle timeout of redis-py 8, and than the interval of pings."""
    monkeypatch.setattr(pulse, "PING_SECONDS", 2.5)
    reader = BrokerReader(make())
    log = reader.open("jobs")
    before = connection_ids(server)
    idle = threading.Event()
    idle.wait(6.5)
    assert connection_ids(server) == before
    reader.wait_for_end(log, make().publish("jobs", "a", "1"))


def test_message_without_announcement_is_found(
    server: RedisServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "PING_SECONDS", 0.2)
    reader = BrokerReader(make())
    log = reader.open("jobs")
    reader.wait_for_end(log, make().publish("jobs", "a", "1"))
    mute = RedisBroker(connector(server.url)[0], 7, Limits(), 100, 10.0)  # nobody receives this one
    reader.wait_for_end(log, mute.publish("jobs", "a", "1"))
    mute.stop()


def test_half_open_connection_is_replaced(
    server: RedisServer,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = BrokerReader(make())
    log = reader.open("jobs")
    before = connection_ids(server)
    assert len(before) == 2
    with monkeypatch.context() as hasty:
        hasty.setattr(pulse, "PING_SECONDS", 0.3)
        hasty.setattr(sync, "TIMEOUT", 0.3)
        hasty.setattr(pulse, "TIMEOUT", 0.3)
        server.pause()
        wait_for(lambda: "lost the connection to Redis" in caplog.text, "the silence to be noticed")
    server.resume()
    wait_for(lambda: not before & connection_ids(server), "both connections to be closed")
    reader.wait_for_end(log, make().publish("jobs", "a", "1"))


def test_follower_thread_without_channels_ends(
    server: RedisServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "PING_SECONDS", 0.1)
    broker = make()
    assert isinstance(broker, RedisBroker)

    def following() -> bool:
        running = broker._follower._running
        return running is not None and running[0].is_alive()

    assert not following()
    reader = BrokerReader(broker)
    for _ in range(2):
        monkeypatch.setattr(mirrors, "IDLE_SECONDS", TIMEOUT)
        log = reader.open("jobs")
        assert following()
        broker.close("jobs")
        assert broker.open("jobs") is log  # it was idle
        monkeypatch.setattr(mirrors, "IDLE_SECONDS", 0.2)
        broker.close("jobs")
        wait_for(lambda: not following(), "the thread to end")
        wait_for(lambda: not server.clients(), "its connections to be closed")


def test_idle_mirrors_are_bounded(server: RedisServer, make: Make) -> None:
    reader = BrokerReader(broker := make())
    for number in range(150):
        reader.open(f"channel {number}")
        broker.close(f"channel {number}")
    assert isinstance(broker, RedisBroker)
    assert len(broker._follower._mirrors.names()) == 100
    wait_for(lambda: len(server.ask("PUBSUB", "CHANNELS")) == 100, "the others to be unsubscribed")


LOOP = """
import itertools, time
from dash_pipe import send_to_pipe_channel

for value in itertools.count():
    send_to_pipe_channel("jobs", "a", value, on_error="log")
    time.sleep(0.01)
"""


@pytest.mark.parametrize("server", [CLEAN], indirect=True)
def test_sender_loop_outlives_redis_and_listeners_get_its_new_values(
    server: RedisServer, make: Make, tmp_path: Path
) -> None:
    reader = BrokerReader(make())
    log = reader.open("jobs")
    settings = {"DASH_PIPE_BROKER": server.url, "DASH_PIPE_SEND_TIMEOUT": "0.1"}
    loop = Child("sender", [sys.executable, "-c", LOOP], tmp_path / "log", environment(settings))
    with ExitStack() as stack:
        stack.callback(loop.end)
        reader.wait_until(lambda: log.head > 2)
        server.stop()
        loop.wait_until(lambda: "and the sender goes on" in loop.log_text())
        before = log.head
        server.start()
        reader.wait_until(lambda: log.head > before + 2)
        loop.wait_until(lambda: "messages are sent again; " in loop.log_text())
    sent = values(reader, log)
    assert sent == sorted(sent)
    assert sent[-1] > before  # new values arrived; one whose answer was lost may have arrived too


@pytest.mark.parametrize("server", [CLEAN], indirect=True)
def test_ping_fails_within_its_timeout_while_redis_is_away(server: RedisServer, make: Make) -> None:
    broker = make()
    broker.ping(5)
    assert len(server.clients()) == 1  # it keeps its connection
    server.pause()
    begun = time.monotonic()
    try:
        with pytest.raises(ConnectionError, match=r"^Redis: .*[Tt]imed? ?out"):
            broker.ping(0.2)
    finally:
        server.resume()
    assert time.monotonic() - begun < 5  # else as long as Redis is away
    server.stop()
    with pytest.raises(ConnectionError, match=r"^Redis: "):
        broker.ping(5)
    server.start()
    broker.ping(5)


def test_released_mirror_leaves_its_head_to_report(
    server: RedisServer, make: Make, rolled_back: RollBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(pulse, "PING_SECONDS", 0.1)
    reader = BrokerReader(broker := make())
    log = reader.open("jobs")
    first = make().publish("jobs", "a", "1")

    def lose() -> None:
        reader.wait_for_end(log, make().publish("jobs", "a", "2"))
        broker.close("jobs")
        wait_for(lambda: not server.ask("PUBSUB", "CHANNELS"), "the mirror to be released")

    rolled_back(lose)
    new = make().publish("jobs", "a", "3")
    log = reader.open("jobs")
    assert log.past[0] == (first.epoch, 1, 2)
    assert translate(log.past, new) == (2, Loss.NONE)


def test_run_of_redis_is_unknown_if_info_is_forbidden(
    server: RedisServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server.ask("ACL", "SETUSER", "default", "-info")
    _warn_once.cache_clear()
    first, second = (make().publish("jobs", "a", "1") for _ in range(2))
    assert (first.epoch, first.offset + 1) == second
    (said,) = caplog.messages
    assert said.startswith("dash-pipe: Redis rejects INFO, so messages that it loses in a restart")
