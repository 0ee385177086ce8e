"""The place of a process among others: its address, its parent, its sockets."""

import asyncio
import multiprocessing
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dash import Dash

import dash_pipe
from dash_pipe import runtime, serving
from dash_pipe.errors import BrokerUnavailableError, InvalidMessageError
from dash_pipe.family import address, door, exchange, listening
from dash_pipe.family.family import Family
from dash_pipe.family.parent import Parent
from dash_pipe.family.relay import Relay
from dash_pipe.log import Position
from harness.wait import wait_for

ELSEWHERE = "1:/nowhere"  # the address of another process


@pytest.fixture(params=["unix", "localhost"])
def directory(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> str:
    """The directory of a relay, on each kind of system."""
    if request.param == "localhost":
        monkeypatch.delattr(socket, "AF_UNIX")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return address.claim({})


Published = list[tuple[str, str, str, str | None]]


@pytest.fixture
def published() -> Published:
    return []


@pytest.fixture
def relay(directory: str, published: Published) -> Iterator[Relay]:
    def publish(*message: Any) -> Position:
        published.append(message)
        return Position("epoch", len(published))

    relay = Relay(directory, publish, 100)
    relay.start()
    yield relay
    relay.end()


@pytest.fixture
def parent(directory: str) -> Parent:
    return Parent(directory, 10)


def test_message_of_a_child_is_published_by_the_parent(
    relay: Relay, parent: Parent, published: Published
) -> None:
    assert parent.publish("jobs", "a", '"\u00e9"', "id") == Position("epoch", 1)
    assert parent.publish("jobs", "b", "2") == Position("epoch", 2)
    assert published[0] == ("jobs", "a", '"\u00e9"', "id")
    assert published[1][3]  # with an id, for a retry


def test_message_for_a_parent_that_serves_no_page_is_not_taken(parent: Parent) -> None:
    assert parent.publish("jobs", "a", "1") is None


def test_message_for_a_parent_that_has_ended_is_not_taken(
    relay: Relay, parent: Parent, directory: str
) -> None:
    assert parent.publish("jobs", "a", "1")
    relay.goodbye()
    assert parent.publish("jobs", "a", "1") is None
    assert not os.path.exists(directory)
    wait_for(lambda: "dash-pipe-relay" not in names_of_threads(), "the end of its thread")


def names_of_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("message", [("jobs", "a", "1" * 101), ("j" * 201, "a", "1")])
def test_message_that_the_parent_does_not_take_raises(
    relay: Relay, parent: Parent, message: tuple[str, str, str], published: Published
) -> None:
    with pytest.raises(InvalidMessageError):
        parent.publish(*message)
    assert not published


def test_parent_that_does_not_answer_raises_with_the_id(directory: str) -> None:
    silent = door.listen(directory)
    with silent.listener, pytest.raises(BrokerUnavailableError) as raised:
        Parent(directory, 1.0).publish("jobs", "a", "1", "id")
    assert raised.value.may_have_been_sent
    assert raised.value.message_id == "id"
    silent.remove()


def test_connection_that_ends_without_an_answer_is_tried_again(directory: str) -> None:
    opened = door.listen(directory)

    def serve() -> None:
        deadline = time.monotonic() + 10
        for answer in ({}, {"position": ["e", 7]}):
            client, _ = opened.listener.accept()
            with client:
                assert opened.admit(client, deadline)
                exchange.read(client, 100, deadline)
                if answer:
                    exchange.send(client, answer)

    thread = threading.Thread(target=serve)
    thread.start()
    assert Parent(directory, 10).publish("jobs", "a", "1") == Position("e", 7)
    thread.join()
    opened.listener.close()
    opened.remove()


def test_stranger_with_a_broken_message_does_not_stop_the_relay(
    relay: Relay, parent: Parent, directory: str, published: Published
) -> None:
    for data in (b"", b"\0" * 8, b"\xff" * 40):
        with door.connect(directory, time.monotonic() + 10) as sock:
            sock.sendall(data)
    assert parent.publish("jobs", "a", "1")
    assert len(published) == 1


def test_client_without_the_key_is_not_admitted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, published: Published
) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    opened = door.listen(str(tmp_path / "door"))
    with (
        socket.create_connection(opened.listener.getsockname()) as stranger,
        opened.listener.accept()[0] as client,
    ):
        stranger.sendall(b"x" * door.KEY_BYTES)
        assert not opened.admit(client, time.monotonic() + 10)
    opened.listener.close()


def test_directory_of_the_relay_is_private(relay: Relay, directory: str) -> None:
    assert os.stat(directory).st_mode & 0o077 == 0


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no unix sockets")
def test_directories_of_killed_processes_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as base:  # a short path
        monkeypatch.setattr("tempfile.tempdir", base)
        killed, living = door.listen(address.claim({})), door.listen(address.claim({}))
        assert len([*Path(base).iterdir()]) == 2
        killed.listener.close()
        new = door.listen(address.claim({}))
        assert {str(path) for path in Path(base).iterdir()} == {living.directory, new.directory}
        for each in (living, new):
            each.listener.close()


def test_relay_thread_that_is_killed_goes_on(
    relay: Relay, parent: Parent, monkeypatch: pytest.MonkeyPatch, published: Published
) -> None:
    """dash.testing raises SystemExit in every thread."""
    admit, killed = door.Door.admit, []

    def kill_once(*args: Any) -> bool:
        if not killed:
            killed.append(True)
            raise SystemExit
        return admit(*args)

    monkeypatch.setattr(door.Door, "admit", kill_once)
    assert parent.publish("jobs", "a", "1") == Position("epoch", 1)
    assert killed


def test_long_temporary_directory_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("x" * 100)))
    assert address.claim({}).startswith("/tmp/")


def test_address_is_claimed_once_and_released() -> None:
    environ: dict[str, str] = {}
    directory = address.claim(environ)
    assert address.claim(environ) == directory
    assert address.of_parent(environ) is None
    address.release(environ)
    assert environ == {}


def test_address_of_another_process_is_the_parents() -> None:
    environ = {address.VARIABLE: ELSEWHERE}
    assert address.of_parent(environ) == "/nowhere"
    address.release(environ)
    assert environ == {address.VARIABLE: ELSEWHERE}
    assert address.claim(environ) != "/nowhere"


@pytest.mark.parametrize("text", ["", "x:/nowhere", "1", "1:nowhere"])
def test_address_that_is_malformed_is_none(text: str) -> None:
    assert address.of_parent({address.VARIABLE: text}) is None


@pytest.fixture
def listen() -> Iterator[Callable[[], str]]:
    """Listen on a port in this process, which has no other; return the address."""
    sockets = []

    def listen() -> str:
        sockets.append(socket.create_server(("127.0.0.1", 0)))
        return repr(sockets[-1].getsockname())

    yield listen
    for sock in sockets:
        sock.close()


needs_descriptors = pytest.mark.skipif(os.name == "nt", reason="Windows does not tell")


@needs_descriptors
@pytest.mark.parametrize("timeout", [None, 5.0])
def test_sockets_that_listen_are_found(
    listen: Callable[[], str], monkeypatch: pytest.MonkeyPatch, timeout: float | None
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        found = listen()
        socket.setdefaulttimeout(timeout)
        try:
            addresses = listening.addresses()  # also those that other tests have open
        finally:
            socket.setdefaulttimeout(None)
        assert addresses is not None
        assert found in addresses
        assert repr(closed.getsockname()) not in addresses
        assert os.get_blocking(closed.fileno())


def test_system_that_does_not_tell_may_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "DESCRIPTORS", "/nowhere")
    assert listening.addresses() is None
    family = Family()
    assert family.may_serve()
    assert family.addresses == frozenset()


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process was started by another, and listens to nobody."""
    monkeypatch.setenv(address.VARIABLE, ELSEWHERE)
    monkeypatch.setattr(listening, "addresses", frozenset)


@pytest.mark.usefixtures("child")
def test_child_that_imports_the_app_keeps_its_parent() -> None:
    family = Family()
    family.has_app()
    found = family.parent(1)
    assert found is not None
    assert found.directory == "/nowhere"
    assert family.parent(1) is found


@pytest.mark.usefixtures("child")
def test_child_that_listens_when_it_gets_its_app_has_no_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "addresses", lambda: frozenset({"here"}))
    family = Family()
    family.has_app()
    assert family.parent(1) is None
    assert not family.has_parent()  # its children find it


@pytest.mark.usefixtures("child")
def test_child_that_begins_to_serve_has_no_parent() -> None:
    Dash()
    assert serving.parent(runtime.current())
    serving.note_page(runtime.current())
    assert serving.parent(runtime.current()) is None
    runtime.current().end()
    assert address.VARIABLE not in os.environ
    os.environ[address.VARIABLE] = ELSEWHERE  # for the fixture


def test_runtime_that_can_not_hear_children_warns_once_and_serves(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: str) -> None:
        raise OSError("read-only")

    monkeypatch.setattr(door, "listen", fail)
    for _ in range(2):
        serving.note_page(runtime.current())
    assert caplog.messages == ["dash-pipe: can't hear child processes: read-only"]


def send_in_child(connection: Any) -> None:
    connection.send(tuple(dash_pipe.send_to_pipe_channel("jobs", "a", 1)))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_forked_child_gets_the_position_in_the_log_of_its_parent() -> None:
    Dash()
    serving.note_page(runtime.current())
    first = dash_pipe.send_to_pipe_channel("jobs", "a", 0)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=send_in_child, args=(theirs,))
    process.start()
    assert ours.poll(10)
    assert ours.recv() == (first.epoch, 2)
    process.join()


@pytest.fixture
def handed_over(relay: Relay, directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent of this process has the relay."""
    monkeypatch.setenv(address.VARIABLE, f"1:{directory}")


@pytest.mark.usefixtures("handed_over")
def test_senders_hand_messages_to_the_parent(published: Published, relay: Relay) -> None:
    assert dash_pipe.send_to_pipe_channel("jobs", "a", 1) == ("epoch", 1)
    assert [message[2] for message in published] == ["1"]
    relay.end()
    epoch, offset = dash_pipe.send_to_pipe_channel("jobs", "a", 3)
    assert (epoch != "epoch", offset) == (True, 1)  # it stays here


@pytest.mark.parametrize("directory", ["unix"], indirect=True)  # a loop needs such sockets, too
@pytest.mark.usefixtures("handed_over")
def test_async_sender_hands_messages_to_the_parent(published: Published) -> None:
    sent = dash_pipe.async_send_to_pipe_channel("jobs", "a", 2, message_id="id")
    assert asyncio.run(sent) == ("epoch", 1)
    assert published == [("jobs", "a", "2", "id")]


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no unix sockets")
def test_parent_that_accepts_nobody_raises_that_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(door, "BACKLOG", 0)
    directory = address.claim({})
    opened = door.listen(directory)
    with opened.listener, door.connect(directory, time.monotonic() + 10):
        with pytest.raises(BrokerUnavailableError) as raised:
            Parent(directory, 0.1).publish("jobs", "a", "1")
        assert not raised.value.may_have_been_sent
    opened.remove()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no unix sockets")
def test_directory_with_a_path_too_long_for_a_socket_is_removed(tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 120)
    with pytest.raises(OSError, match="path too long"):
        door.listen(str(directory))
    assert not directory.exists()


def test_relay_that_can_not_start_a_thread_leaves_nothing(
    directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    relay = Relay(directory, lambda *_: Position("epoch", 1), 100)
    with pytest.raises(RuntimeError, match="thread"):
        relay.start()
    assert not os.path.exists(directory)


class FailingOnce:
    """A socket whose first accept fails, as without free descriptors."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._failed = False

    def accept(self) -> Any:
        if not self._failed:
            self._failed = True
            raise OSError("too many open files")
        return self._sock.accept()

    def close(self) -> None:
        self._sock.close()


def test_relay_goes_on_after_a_failed_accept(
    directory: str, parent: Parent, caplog: pytest.LogCaptureFixture
) -> None:
    relay = Relay(directory, lambda *_: Position("epoch", 1), 100)
    failing: Any = FailingOnce(relay._door.listener)
    relay._door = relay._door._replace(listener=failing)
    relay.start()
    assert parent.publish("jobs", "a", "1")
    assert caplog.messages == ["dash-pipe: can't hear child processes: too many open files"]
    relay.end()


def test_relay_that_is_abandoned_closes_its_socket_and_leaves_the_directory(
    directory: str,
) -> None:
    relay = Relay(directory, lambda *_: Position("epoch", 1), 100)
    relay.abandon()
    assert relay._door.listener.fileno() == -1
    assert os.path.exists(directory)
    relay.end()


@pytest.mark.usefixtures("child")
def test_forked_child_of_a_server_is_a_job_with_a_parent() -> None:
    family = Family()
    family.has_app()
    family.serves = True
    family.reset_after_fork()
    assert family.is_job()
    assert family.parent(1)
    assert family.copy().parent(1)
    assert not family.may_serve()


@pytest.mark.parametrize("package", ["multiprocessing", "multiprocess"])
@pytest.mark.parametrize("starting", [True, False])
def test_process_of_a_package_for_processes_is_a_job_once_it_is_complete(
    monkeypatch: pytest.MonkeyPatch, package: str, starting: bool
) -> None:
    process = SimpleNamespace(**({"_inheriting": True} if starting else {}))
    found = SimpleNamespace(parent_process=lambda: 1, current_process=lambda: process)
    monkeypatch.setitem(sys.modules, package, found)  # type: ignore[arg-type]
    assert Family().is_job() is not starting
