"""Each limit that is reached is a number, and a line in the log."""

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.protocol import MAX_BAD_FRAMES, MAX_FRAME_BYTES, Close, Rejection
from dash_pipe.telemetry.descriptors import AcceptFilter, possible_connections
from dash_pipe.telemetry.statistics import note_close
from dash_pipe.transports.asgi import AsgiApp
from dash_pipe.transports.loop_thread import loop_thread
from dash_pipe.transports.thread_hub import thread_hub
from dash_pipe.transports.thread_socket import ThreadSocket
from harness.wait import wait_for, wait_for_value
from unit.asgi_server import Server
from unit.fakes import Clock, needs_descriptors
from unit.line import Line

pytestmark = pytest.mark.usefixtures("fresh_runtime")

Open = Callable[..., Line]


@pytest.fixture(params=[pytest.param("loop", marks=needs_descriptors), "threads"])
def connect(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Connect a browser to the loop thread, or to a thread of its own."""
    lines: list[Line] = []

    def connect(
        rejection: Rejection | None = None, address: str | None = None, open_request: Any = None
    ) -> Line:
        line = Line()
        lines.append(line)
        if request.param == "loop":
            line.theirs.setblocking(False)
            current = runtime.current()
            adopt = loop_thread(current).adopt
            adopt(line.theirs, *line.handshake, rejection, open_request, address)
        else:
            hub = thread_hub(runtime.current())
            browser = ThreadSocket(
                hub, line.theirs, line.handshake, rejection, open_request, address
            )
            threading.Thread(target=browser.serve, daemon=True).start()
        line.next()
        return line

    yield connect
    for line in lines:
        line.sock.close()
    runtime.current().end()
    for line in lines:
        line.theirs.close()


def counted(name: str) -> float:
    return dash_pipe.stats()[name]


def closes() -> dict[str, float]:
    numbers = dash_pipe.stats().items()
    return {name: count for name, count in numbers if count and name.startswith("closed_")}


def is_counted(name: str, count: int = 1) -> None:
    """Wait: a close is counted when its connection has ended."""
    wait_for_value(lambda: counted(name), count, f"the count {name}")


def names_of_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.message for each in caplog.records if "closed a connection" in each.message]


def end(line: Line) -> int | None:
    """Return the code with which the server closed, and answer it."""
    code = line.close_code()
    with contextlib.suppress(BrokenPipeError):  # after a frame that is too large it has hung up
        line.flush()
    return code


def test_every_number_is_there_from_the_start_and_in_the_docs() -> None:
    numbers = dash_pipe.stats()
    assert set(numbers.values()) == {0}
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    table = text.partition("\n## Log\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(numbers)


def test_connections_over_the_limit_are_counted_and_logged_a_few_times(
    connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    dash_pipe.configure(max_connections=1)
    first = connect()
    assert first.subscribe("jobs")["type"] == "subscribed"
    for _ in range(15):
        assert end(connect()) == 1013
    is_counted("closed_1013", 15)
    assert counted("max_connections_reached") == 15
    assert counted("connections") == 1
    assert 1 <= len(lines(caplog)) <= 10
    assert "1013: max_connections: 1 connections are open already" in lines(caplog)[0]
    first.sock.close()
    is_counted("connections", 0)
    assert connect().subscribe("jobs")["type"] == "subscribed"


def too_large(line: Line) -> None:
    line.send(b"x" * (MAX_FRAME_BYTES + 1))


def bad_frames(line: Line) -> None:
    for _ in range(MAX_BAD_FRAMES):
        line.send(b"x")


@pytest.mark.parametrize(("attack", "code"), [(too_large, 1009), (bad_frames, 4400)])
def test_close_for_what_a_browser_sends_is_counted_and_logged(
    attack: Callable[[Line], None], code: int, connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    line = connect()
    attack(line)
    assert end(line) == code
    is_counted(f"closed_{code}")
    assert [f"connection with {code}: " in each for each in lines(caplog)] == [True]


def test_rejected_origin_is_counted_and_logged(
    connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    assert end(connect((Close.ORIGIN, "a strange page"))) == 4403
    is_counted("closed_4403")
    assert lines(caplog) == ["dash-pipe: closed a connection with 4403: a strange page"]


def test_missing_pong_is_counted_and_logged_as_information(
    connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dash_pipe")
    dash_pipe.configure(heartbeat_interval=0.2)
    assert end(connect()) == 4408
    is_counted("closed_4408")
    assert [each.levelno for each in caplog.records if "4408" in each.message] == [logging.INFO]


def test_close_by_the_browser_is_not_counted(connect: Open) -> None:
    line = connect()
    line.subscribe("jobs")
    line.ws.send_close(1009)
    line.flush()
    line.close_code()
    is_counted("connections", 0)
    # Its end is behind this: the thread's, and the loop's, which comes to the next one after it.
    wait_for(lambda: "dash-pipe-writer" not in names_of_threads(), "its threads to end")
    assert end(connect((Close.ORIGIN, "a strange page"))) == 4403
    is_counted("closed_4403")
    assert closes() == {"closed_4403": 1}


def test_closes_on_asgi_are_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def closed_with(server: Server, *sent: str) -> int:
        async with server:
            for text in sent:
                server.to_app.put_nowait({"type": "websocket.receive", "text": text})
            while (event := await server.next())["type"] != "websocket.close":
                pass
            return int(event["code"])

    async def main() -> None:
        foreign = [(b"host", b"app.org"), (b"origin", b"https://evil.org")]
        assert await closed_with(Server(headers=foreign)) == 4403
        assert await closed_with(Server(), "x" * 9000) == 1009
        assert await closed_with(Server(), *["x"] * MAX_BAD_FRAMES) == 4400

    asyncio.run(main())
    assert closes() == {"closed_4403": 1, "closed_1009": 1, "closed_4400": 1}
    assert len(lines(caplog)) == 3


def request(method: str, path: str, **more: Any) -> httpx.Response:
    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(AsgiApp())
        async with httpx.AsyncClient(transport=transport, base_url="http://app.org") as client:
            return await client.request(method, path, **more)

    return asyncio.run(main())


def test_rejected_polls_are_counted() -> None:
    assert request("POST", "/poll", headers={"Origin": "https://evil.org"}).status_code == 403
    assert request("POST", "/poll", content=b"{").status_code == 400
    assert closes() == {"closed_4403": 1, "closed_4400": 1}


def test_timeout_of_authorize_is_counted_and_has_no_second_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    note_close(runtime.current(), Close.TRY_LATER, "authorize() timed out; the page will retry")
    assert counted("closed_1013") == 1
    assert lines(caplog) == []


def test_forked_or_other_runtime_counts_from_zero() -> None:
    runtime.current().counters.add("closed_1009")
    assert counted("closed_1009") == 1
    runtime.current()._reset_after_fork()
    assert counted("closed_1009") == 0
    assert runtime.current().copy().counters is not runtime.current().counters


# Descriptors


@pytest.mark.parametrize(
    ("descriptors", "possible"), [(None, None), (1024, 768), (128, 64), (65536, 49152), (10, 1)]
)
def test_connections_leave_descriptors_for_the_rest(
    descriptors: int | None, possible: int | None
) -> None:
    assert possible_connections(descriptors) == possible


@pytest.mark.parametrize(
    ("setting", "allowed", "effective", "warned"),
    [(10_000, 1024, 768, False), (5000, 1024, 768, True), (5000, None, 5000, False)],
)
def test_connections_beyond_the_descriptors_are_said_at_the_start(
    setting: int,
    allowed: int | None,
    effective: int,
    warned: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("dash_pipe.telemetry.descriptors.limit", lambda: allowed)
    dash_pipe.configure(max_connections=setting)
    for _ in range(2):
        runtime.current().has_endpoint()
    assert runtime.current().policy.max_sessions == effective
    text = (
        "dash-pipe: max_connections is 5,000, but this process may open 1,024 files (ulimit -n): "
        "768 browsers can connect"
    )
    assert [each.message for each in caplog.records] == [text] * warned


def test_line_about_a_connection_that_was_not_accepted_comes_once_a_minute() -> None:
    clock = Clock()
    passes = AcceptFilter(clock)

    def record(text: str) -> logging.LogRecord:
        return logging.LogRecord("asyncio", logging.ERROR, "", 0, text, None, None)

    flood = record("socket.accept() out of system resource\nsocket: <asyncio.TransportSocket>")
    assert [passes.filter(flood) for _ in range(1000)].count(True) == 1
    assert passes.filter(record("Task exception was never retrieved"))
    clock.now += 60
    assert [passes.filter(flood) for _ in range(1000)].count(True) == 1


def test_endpoint_on_asgi_limits_the_lines_of_its_loop() -> None:
    logger = logging.getLogger("asyncio")
    for each in [each for each in logger.filters if isinstance(each, AcceptFilter)]:
        logger.removeFilter(each)
    AsgiApp()
    AsgiApp()
    assert [type(each) for each in logger.filters].count(AcceptFilter) == 1


# Health


def test_health_without_room_for_browsers_answers_503(connect: Open) -> None:
    dash_pipe.configure(max_connections=1)
    assert request("GET", "/health").json() == {"status": "ok", "reasons": []}
    line = connect()
    line.subscribe("jobs")
    answer = request("GET", "/health")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["1 browsers are connected, as many as can be"]
