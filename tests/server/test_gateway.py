"""The gateway, and the commands of the command line with its address."""

import contextlib
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dash_pipe.errors import EndpointUnavailableError
from harness import command
from harness.command import Command
from harness.server import Server
from harness.wait import TIMEOUT, wait_for
from harness.ws import PipeClient

TOKEN = {"DASH_PIPE_HTTP_POKE_TOKEN": "s3cret"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    log = tmp_path_factory.mktemp("gateway") / "log"
    settings = {"DASH_PIPE_HTTP_POKE_ENABLED": "1", **TOKEN}
    with Server("gateway", "", log, settings=settings) as server:
        yield server
    assert server.tracebacks() == []


@pytest.fixture
def url(gateway):
    return f"{gateway.url}/_pipe/"


def run(*arguments, settings=TOKEN):
    return command.run(*arguments, settings=settings)


@contextlib.contextmanager
def listening(url, *arguments):
    """Start a listener; wait until its standard error says that it is subscribed."""
    with Command("listen", "--url", url, "jobs", *arguments, settings=TOKEN) as listener:
        assert "listening on jobs for " in listener.note()
        yield listener


def without_hint(said):
    """Drop the hint that a listener writes 5 seconds after it has heard nothing."""
    hint = ("dash-pipe: nothing has been sent to channel ", "dash-pipe: channel ")
    return [line for line in said.splitlines() if not line.startswith(hint)]


def test_sent_message_reaches_listen_command_and_page(url):
    with listening(url) as listener, PipeClient(url.removesuffix("_pipe/")) as page:
        page.subscribe("jobs")
        assert run("send", "--url", url, "jobs", "a", '{"x": "é"}') == (0, "", "")
        message = listener.message()
        assert (message["label"], message["value"]) == ("a", {"x": "é"})
        assert page.rows(1)[0][:3] == [message["offset"], "a", {"x": "é"}]


def test_send_from_stdin_sends_each_line_at_once(url):
    with (
        listening(url, "lines") as listener,
        Command(
            "send", "--url", url, "jobs", "lines", "-", stdin=subprocess.PIPE, settings=TOKEN
        ) as bridge,
    ):
        for n in range(3):
            bridge.write(f'{{"n": {n}}}\n')
            assert listener.message()["value"] == {"n": n}  # and the bridge waits for more
        bridge.write("x" * 70_000 + "\nlast\n")
        assert listener.message()["value"] == "last"
        code, _, said = bridge.end()
        assert code == 1
        assert said.startswith("dash-pipe: line 4: ")
        assert "max_message_bytes" in said


def test_listen_with_count_ends_after_that_many(url):
    with listening(url, "once", "--count", "1") as listener:
        assert run("send", "--url", url, "jobs", "once", "1")[0] == 0
        assert listener.message()["value"] == 1
        code, text, said = listener.end()
        assert (code, text, without_hint(said)) == (0, "", [])


def test_listen_ends_quietly_on_interrupt_or_closed_output(url):
    with listening(url) as listener:
        listener.process.send_signal(signal.SIGINT)
        code, text, said = listener.end()
        assert (code, text, without_hint(said)) == (0, "", [])
    with listening(url) as listener:
        listener.process.stdout.close()
        run("send", "--url", url, "jobs", "a", "1")
        assert listener.process.wait(TIMEOUT) == 0
        assert without_hint(listener.process.stderr.read()) == []


def test_rejected_request_exits_with_code_and_reason(url):
    code, _, said = run("send", "--url", url, "jobs", "a", "1", settings={})
    assert code == 2
    assert "answered HTTP 401" in said
    assert "http_poke_token" in said
    code, _, said = run("send", "--url", url, "jobs", "", "1")
    assert code == 1
    assert "label: expected a string of 1 to 200 characters" in said
    code, _, said = run("send", "--url", url.removesuffix("_pipe/"), "jobs", "a", "1")
    assert code == 2
    assert "endpoint is /_pipe/" in said
    code, _, said = run("listen", "--url", url.removesuffix("_pipe/"), "jobs")
    assert code == 2
    assert "no dash-pipe endpoint at " in said
    assert "which ends with _pipe/" in said
    code, _, said = run("listen", "--url", url, "jobs", *map(str, range(33)))
    assert code == 2
    assert "at most 32 labels" in said


def test_doctor_reports_endpoint_and_hides_token(url):
    code, text, said = run("doctor", "--url", url)
    assert (code, said) == (0, "")
    assert "websocket: opens" in text
    assert "poke: accepts messages" in text
    assert "s3cret" not in text
    code, text, _ = run("doctor", "--url", url, settings={})
    assert "poke: HTTP 401; " in text


def test_gateway_path_outside_endpoint_answers_404(gateway):
    for path in ("/", "/_pipe/", "/_pipe/ws/x", "/other/_pipe/poke/"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(gateway.url + path, timeout=TIMEOUT)
        assert caught.value.code == 404
        assert json.load(caught.value)["error"].endswith("endpoint is /_pipe/")
    with pytest.raises(InvalidStatus):
        connect(gateway.url.replace("http", "ws", 1) + "/elsewhere")


def test_gateway_declines_compression_and_rejects_large_frames(gateway):
    address = gateway.url.replace("http", "ws", 1) + "/_pipe/ws"
    with connect(address, compression="deflate") as socket:
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        socket.send("x" * 9000)
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(TIMEOUT)
    assert caught.value.rcvd.code == 1009


def test_listen_after_gateway_restart_reconnects_and_reports_it(tmp_path):
    settings = {"DASH_PIPE_HTTP_POKE_ENABLED": "1"}
    with Server("gateway", "", tmp_path / "log", settings=settings) as server:
        url = f"{server.url}/_pipe/"
        with listening(url) as listener:
            assert run("send", "--url", url, "jobs", "first", "1", settings={})[0] == 0
            assert listener.message()["label"] == "first"
            server.restart()
            assert run("send", "--url", url, "jobs", "again", "1", settings={})[0] == 0
            assert listener.message()["label"] == "again"
            listener.process.send_signal(signal.SIGINT)
            _, _, said = listener.end()
            lost, again, gap = without_hint(said)
            assert lost.endswith("; reconnecting")
            assert again == "dash-pipe: listening on jobs for every label"
            assert "may be lost: the log of the channel began again" in gap


def test_gateway_with_prefix_and_http_route_serves_both(tmp_path):
    settings = {"DASH_PIPE_HTTP_POKE_ENABLED": "1", "DASH_PIPE_HTTP_ROUTE": "/hooks"}
    with Command("serve", "--port", "0", "--prefix", "/app", settings=settings) as gateway:
        for line in gateway.process.stderr:
            if "running on" in line:
                root = next(word for word in line.split() if word.startswith("http://"))
                break
        with PipeClient(f"{root}/app/") as page:
            page.subscribe("jobs")
            assert run("send", "--url", f"{root}/hooks", "jobs", "a", "1", settings={})[0] == 0
            assert page.rows(1)[0][1] == "a"
        assert run("send", "--url", f"{root}/app/_pipe", "jobs", "a", "1", settings={})[0] == 2


def test_serve_on_taken_port_exits_with_error(gateway):
    code, _, said = run("serve", "--port", str(gateway.port))
    assert code == 2
    assert "address already in use" in said


def test_gateway_on_sigterm_closes_websockets(tmp_path):
    with Server("gateway", "", tmp_path / "log") as server:
        with PipeClient(f"{server.url}/") as page:
            page.subscribe("jobs")
            server.expect_end()
            os.kill(server.pid, signal.SIGTERM)
            with pytest.raises(EndpointUnavailableError) as caught:
                page.rows(1)
        wait_for(lambda: "Finished server process" in server.log_text(), "its end")
    assert caught.value.code in (1001, 1012)
    assert server.tracebacks() == []


FEED = """
import itertools, time
from dash_pipe import source

def allow(scope, channel, labels):
    return True

@source("ticks", label="n")
def ticks():
    for n in itertools.count():
        yield n
        time.sleep(0.01)
"""


def test_gateway_runs_sources_of_the_module_that_authorize_names(tmp_path):
    (tmp_path / "feed.py").write_text(FEED, encoding="utf-8")
    settings = {"DASH_PIPE_AUTHORIZE": "feed:allow"}
    with (
        Server("gateway", "", tmp_path / "log", directory=tmp_path, settings=settings) as gateway,
        PipeClient(f"{gateway.url}/") as page,
    ):
        page.subscribe("ticks")
        rows = page.rows(2)
        assert [row[1:3] for row in rows[:2]] == [["n", 0], ["n", 1]]
        assert gateway.tracebacks() == []
