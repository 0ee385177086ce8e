import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dash_pipe
from dash_pipe import brokers, runtime
from dash_pipe.brokers.listening import Listening
from dash_pipe.brokers.memory import MemoryBroker
from dash_pipe.cli import main
from dash_pipe.cli.arguments import parse
from dash_pipe.cli.exits import Exit, Failure
from dash_pipe.cli.send import read_value, send_lines
from dash_pipe.endpoint.http import MAX_BODY_BYTES
from dash_pipe.errors import BrokerUnavailableError
from dash_pipe.log import Limits, Position
from unit.http_server import answering
from unit.shared_broker import SharedBroker

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> MemoryBroker:
    """Use a memory broker instead of one that processes share."""
    broker = MemoryBroker(Limits(), 100)
    monkeypatch.setattr(brokers, "connect", lambda *_: broker)
    dash_pipe.configure(broker="redis://here")
    return broker


def sent(broker: MemoryBroker) -> list[Any]:
    log = broker.open("jobs")
    return [json.loads(row)[1:3] for row in log.read(0, None, 2**30).rows]


class Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize("command", ["", "send", "listen", "listeners", "serve", "doctor"])
def test_help_of_each_command_shows_exit_codes_and_examples(command: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"] if command else ["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "exit codes: 0 " in text
    assert command in ("", "doctor") or "examples:" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["sned"], ["send", "jobs"], ["listen"], ["listen", "jobs", "--replay", "0"]),
        *(["listen", "jobs", "--replay", "1001"], ["serve", "--port", "x"]),
        ["serve", "--port", "99999"],
    ],
)
def test_invalid_arguments_exit_with_usage(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == Exit.USAGE
    assert "usage: dash-pipe" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["send", "jobs", "a", "1"], ["listen", "jobs"]])
def test_memory_broker_exits_with_usage_and_advice(arguments: list[str], capsys: Capture) -> None:
    assert main(arguments) == Exit.USAGE
    said = capsys.readouterr().err
    assert said.startswith(f"dash-pipe: {arguments[0]}: ")
    assert "DASH_PIPE_BROKER=redis://" in said
    assert "--url http://" in said


def test_listeners_in_memory_exits_with_usage_and_advice(capsys: Capture) -> None:
    assert main(["listeners", "jobs"]) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("dash-pipe: listeners: messages are in memory")
    assert "DASH_PIPE_BROKER=redis://" in captured.err
    assert "--broker" in captured.err


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> SharedBroker:
    """Use a broker that knows who listens in other processes."""
    broker = SharedBroker()
    broker.elsewhere = Listening(3, 1, {"done": 2, "log": 1})
    monkeypatch.setattr(brokers, "connect", lambda *_: broker)
    dash_pipe.configure(broker="redis://here")
    return broker


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        *((["jobs"], 3), (["jobs", "--label", "done"], 3), (["jobs", "--label", "log"], 2)),
        (["jobs", "--label", "none"], 1),
    ],
)
@pytest.mark.usefixtures("counting")
def test_listeners_writes_the_number_of_the_broker(
    arguments: list[str], number: int, capsys: Capture
) -> None:
    assert main(["listeners", *arguments]) == Exit.OK
    assert capsys.readouterr().out == f"{number}\n"


def test_listeners_without_an_answer_exits_with_unreachable(
    counting: SharedBroker, capsys: Capture
) -> None:
    counting.is_away = True
    assert main(["listeners", "jobs"]) == Exit.UNREACHABLE
    assert capsys.readouterr() == ("", "dash-pipe: listeners('jobs'): Redis: gone\n")


@pytest.mark.usefixtures("counting")
def test_listeners_of_an_invalid_name_exits_with_usage(capsys: Capture) -> None:
    assert main(["listeners", "jobs", "--label", ""]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("dash-pipe: label: expected a string of 1 to 200")


@pytest.mark.parametrize("arguments", [["send", "jobs", "a", "1"], ["listen", "jobs"], ["doctor"]])
def test_invalid_setting_exits_with_an_error_that_names_it(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("DASH_PIPE_BROKER", "nonsense://host")
    assert main(arguments) in (Exit.USAGE, Exit.UNREACHABLE)
    assert "broker: expected a URL" in "".join(capsys.readouterr())
    monkeypatch.setenv("DASH_PIPE_HEARTBEAT_INTERVAL", "often")
    with runtime.swapped(runtime.Runtime()):
        assert main(arguments) == Exit.USAGE
        assert "DASH_PIPE_HEARTBEAT_INTERVAL: expected a number" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["localhost:8050", "", "http://", "_pipe", "/_pipe/", "//host/"])
@pytest.mark.parametrize("command", [["send", "jobs", "a", "1"], ["listen", "jobs"], ["doctor"]])
def test_invalid_url_exits_with_usage(command: list[str], url: str, capsys: Capture) -> None:
    assert main([*command, "--url", url]) == Exit.USAGE
    said = capsys.readouterr().err
    assert said.startswith("dash-pipe: --url: expected ")
    assert f"such as http://localhost:8050/_pipe/, got {url!r}" in said


@pytest.mark.parametrize("command", [["send", "jobs", "a", "1"], ["listen", "jobs"], ["doctor"]])
def test_unreachable_server_exits_with_unreachable(command: list[str], capsys: Capture) -> None:
    assert main([*command, "--url", "http://127.0.0.1:9/_pipe/"]) == Exit.UNREACHABLE
    assert "can't be reached" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("5", 5), ("-0.5", -0.5), ("true", True), ("null", None), ('"5"', "5"), ("[1]", [1])),
        *(("five", "five"), ("5 apples", "5 apples"), ("", ""), ("NaN", "NaN")),
        ("{'a': 1}", "{'a': 1}"),
        ("[" * 100_000, "[" * 100_000),
    ],
    ids=lambda text: str(text)[:20],
)
def test_read_value_returns_json_or_else_the_text(text: str, value: object) -> None:
    assert read_value(text) == value


def test_send_publishes_json_and_text_values(shared: MemoryBroker, capsys: Capture) -> None:
    assert main(["send", "jobs", "a", '{"x": 1}']) == Exit.OK
    assert main(["send", "jobs", "a", "--text", "5"]) == Exit.OK
    assert main(["send", "jobs", "a", "-1"]) == Exit.OK
    assert sent(shared) == [["a", {"x": 1}], ["a", "5"], ["a", -1]]
    assert main(["send", "jobs", "", "1"]) == Exit.NOT_SENT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("dash-pipe: label: expected a string of 1 to 200 characters")


LINES = b'1\n"two"\r\n\n \nthree\n\xff\n' + b"x" * (MAX_BODY_BYTES + 9) + b'\n{"five": 5}'


def test_send_from_stdin_skips_invalid_lines_and_exits_with_not_sent(
    shared: MemoryBroker, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("sys.stdin", Stdin(LINES))
    assert main(["send", "jobs", "a", "-"]) == Exit.NOT_SENT
    assert [value for _, value in sent(shared)] == [1, "two", "three", {"five": 5}]
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("dash-pipe: line 6: it is not UTF-8")
    assert second == "dash-pipe: line 7: it has more than 1,048,576 bytes"


def test_send_from_stdin_strict_stops_at_the_first_invalid_line(
    shared: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Stdin(LINES))
    assert main(["send", "jobs", "a", "-", "--strict"]) == Exit.NOT_SENT
    assert [value for _, value in sent(shared)] == [1, "two", "three"]


def test_send_lines_sends_each_line_before_it_reads_the_next() -> None:
    """A pipeline passes on each message without delay."""
    order: list[object] = []

    class Lines(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            line = super().readline(size)
            order.append(line)
            return line

    send_lines(Lines(b"1\n2\n"), order.append, read_value, strict=False)
    assert order == [b"1\n", 1, b"2\n", 2, b""]


def test_send_lines_returns_the_most_severe_exit_code() -> None:
    def send(value: Any) -> None:
        if value:
            raise Failure(Exit(value), "no")

    assert send_lines(io.BytesIO(b"0\n1\n3\n2\n1\n0\n"), send, read_value, strict=False) == 3
    assert send_lines(io.BytesIO(b"0\n1\n3\n"), send, read_value, strict=True) == 1
    assert send_lines(io.BytesIO(b"0\n"), send, read_value, strict=False) == 0


class UnavailableBroker(brokers.Broker):
    may_wait = True

    def publish(self, *_: Any, **__: Any) -> Position:
        raise BrokerUnavailableError("it is away", may_have_been_sent=False, message_id="m1")


def test_send_with_unavailable_broker_prints_the_id_for_a_retry(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(brokers, "connect", lambda *_: UnavailableBroker())
    assert main(["send", "--broker", "redis://here", "jobs", "a", "1"]) == Exit.UNREACHABLE
    said = capsys.readouterr().err
    assert said.startswith("dash-pipe: the message was not sent: it is away")
    assert said.endswith("send it with --id m1\n")


def test_version_prints_the_package_version(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"dash-pipe {dash_pipe.__version__}\n"


@pytest.mark.parametrize(
    ("command", "hint"),
    [("sned", "did you mean send? "), ("listne", "did you mean listen? "), ("x", "")],
)
def test_unknown_command_suggests_the_nearest(command: str, hint: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "jobs"])
    assert caught.value.code == Exit.USAGE
    said = capsys.readouterr().err
    commands = "The commands are send, listen, listeners, serve, doctor"
    assert said.endswith(f"dash-pipe: error: no such command: {command}; {hint}{commands}\n")


@pytest.mark.parametrize("options", [["--token", "t"], ["--header", "Cookie: a=1"]])
def test_token_or_header_without_url_exits_with_usage(options: list[str], capsys: Capture) -> None:
    assert main(["listen", "jobs", *options]) == Exit.USAGE
    assert "give its address with --url" in capsys.readouterr().err


@pytest.mark.parametrize("header", ["Cookie", ": x", "", "A: b\nC: d", "@/no/such/file"])
def test_invalid_header_exits_with_usage(header: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["listen", "--url", "http://127.0.0.1:9/_pipe/", "jobs", "--header", header])
    assert caught.value.code == Exit.USAGE
    assert "argument --header: " in capsys.readouterr().err


def test_token_and_header_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n", encoding="utf-8")
    (tmp_path / "cookie").write_text("Cookie: a=1\n", encoding="utf-8")
    files = ["--token", f"@{tmp_path}/token", "--header", f"@{tmp_path}/cookie"]
    options = parse(["listen", "jobs", *files, "--header", "X: y:z"])
    assert options.token == "s3cret"
    assert options.headers == [("Cookie", "a=1"), ("X", "y:z")]


@pytest.mark.parametrize(
    ("command", "waits"), [(["send", "jobs", "a", "1"], False), (["listen", "jobs"], True)]
)
def test_url_of_another_server_exits_with_usage(
    command: list[str], waits: bool, capsys: Capture
) -> None:
    with answering(404) as base:
        assert main([*command, "--url", base]) == Exit.USAGE
    said = capsys.readouterr().err
    assert "answered HTTP 404" in said
    assert (f"{base}poke/" in said) != waits
    assert "which ends with _pipe/, such as http://localhost:8050/_pipe/" in said


@pytest.mark.parametrize("status", [200, 400, 413])
def test_send_to_another_server_exits_with_usage(status: int, capsys: Capture) -> None:
    with answering(status, b"<html>") as base:
        assert main(["send", "jobs", "a", "1", "--url", base]) == Exit.USAGE
    assert "that is not a dash-pipe endpoint" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["send", "jobs", "a", "1"], ["listen", "jobs"]])
def test_bad_gateway_exits_with_unreachable(command: list[str], capsys: Capture) -> None:
    with answering(502) as base:
        assert main([*command, "--url", base]) == Exit.UNREACHABLE
    assert "answered HTTP 502" in capsys.readouterr().err


def test_invalid_message_id_error_names_the_option(
    shared: MemoryBroker, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert main(["send", "jobs", "a", "1", "--id", "x" * 999]) == Exit.NOT_SENT
    assert capsys.readouterr().err.startswith("dash-pipe: --id: expected ")
    body = b'{"error": "message_id: expected a string"}'
    with answering(400, body) as base:
        main(["send", "jobs", "a", "1", "--id", "", "--url", base])
    assert capsys.readouterr().err.endswith(": --id: expected a string\n")


def test_send_twice_with_the_same_id_publishes_once(shared: MemoryBroker, capsys: Capture) -> None:
    for _ in range(2):
        assert main(["send", "jobs", "a", "1", "--id", "m1"]) == Exit.OK
    assert len(sent(shared)) == 1
    assert main(["send", "jobs", "a", "-", "--id", "m1"]) == Exit.USAGE
    assert "--id is for one message" in capsys.readouterr().err


LISTENING = "dash-pipe: listening on jobs for every label\n"


def test_listen_is_subscribed_before_it_says_so(
    shared: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stderr(io.StringIO):
        def write(self, text: str) -> int:
            shared.publish("jobs", "a", "1")  # a message without replay: only a listener gets it
            return super().write(text)

    stderr = Stderr()
    monkeypatch.setattr("sys.stderr", stderr)
    assert main(["listen", "jobs", "--count", "1"]) == Exit.OK
    assert stderr.getvalue() == LISTENING


def test_listen_with_replay_prints_messages_as_json(shared: MemoryBroker, capsys: Capture) -> None:
    for value in ('"old"', '{"x": "é"}'):
        shared.publish("jobs", "a", value)
    assert main(["listen", "jobs", "a", "--replay", "2", "--count", "2"]) == Exit.OK
    said = capsys.readouterr()
    assert said.err == "dash-pipe: listening on jobs for a\n"
    old, new = map(json.loads, said.out.splitlines())
    assert old["value"] == "old"
    assert new.pop("time") > 1.7e9
    assert new == {"channel_name": "jobs", "label": "a", "value": {"x": "é"}, "offset": 2}


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe without a reader is EINVAL there")
def test_listen_with_closed_stdout_exits_quietly(
    shared: MemoryBroker, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    shared.publish("jobs", "a", "1")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        assert main(["listen", "jobs", "--replay", "1"]) == Exit.OK
    assert capsys.readouterr().err == LISTENING


def interrupted(*_: Any) -> Iterator[Any]:
    raise KeyboardInterrupt


def test_listen_interrupted_exits_quietly(
    shared: MemoryBroker, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("dash_pipe.cli.listen.messages", interrupted)
    assert main(["listen", "jobs"]) == Exit.OK
    assert capsys.readouterr().err == ""


def test_serve_without_server_extra_exits_with_install_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    assert main(["serve"]) == Exit.USAGE
    assert "pip install 'dash-pipe[server]'" in capsys.readouterr().err


@pytest.mark.parametrize("authorize", ["", "unit.test_cli:anybody"])
def test_serve_without_authorize_says_so_in_one_line(
    authorize: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    uvicorn = pytest.importorskip("uvicorn")
    monkeypatch.setattr(uvicorn.Server, "run", lambda server: None)
    monkeypatch.setattr("dash_pipe.telemetry.descriptors.limit", lambda: None)
    if authorize:
        monkeypatch.setenv("DASH_PIPE_AUTHORIZE", authorize)
    with runtime.swapped(runtime.Runtime()):
        main(["serve"])
    lines = [each.message for each in caplog.records if each.name == "dash_pipe"]
    assert ["everybody who reaches this gateway" in line for line in lines] == [True] * (
        not authorize
    )


def test_serve_says_how_many_browsers_the_open_files_allow(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    uvicorn = pytest.importorskip("uvicorn")
    monkeypatch.setattr(uvicorn.Server, "run", lambda server: None)
    monkeypatch.setattr("dash_pipe.telemetry.descriptors.limit", lambda: 1024)
    monkeypatch.setenv("DASH_PIPE_AUTHORIZE", "unit.test_cli:anybody")
    with runtime.swapped(runtime.Runtime()):
        main(["serve"])
    (line,) = [each.message for each in caplog.records if each.name == "dash_pipe"]
    assert line.endswith("may open 1,024 files (ulimit -n): 768 browsers can connect")


def anybody(*_: object) -> bool:
    return True


def test_doctor_hides_secrets_of_settings(
    shared: MemoryBroker, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    with runtime.swapped(runtime.Runtime()):
        monkeypatch.setenv("DASH_PIPE_HTTP_POKE_TOKEN", "s3cret")
        monkeypatch.setenv("DASH_PIPE_BROKER", "redis://user:s3cret@host:6379/0?password=s3cret")
        monkeypatch.setenv("DASH_PIPE_HEARTBEAT_INTERVAL", "7")
        assert main(["doctor"]) == Exit.OK
        text = capsys.readouterr().out
        assert "s3cret" not in text
        assert "broker = redis://user:...@host:6379/0?...  (changed)" in text
        assert "http_poke_token = (set, and not shown)" in text
        assert "heartbeat_interval = 7.0  (changed)" in text
        assert "max_idle_channels = 10000\n" in text
        assert "answers in " in text


def test_doctor_advises_broker_and_missing_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert main(["doctor"]) == Exit.OK
    text = capsys.readouterr().out
    assert f"dash-pipe {dash_pipe.__version__}" in text
    assert "DASH_PIPE_BROKER=redis://" in text
    monkeypatch.setattr("dash_pipe.cli.doctor._EXTRAS", {"nonsense": "no-such-package"})
    main(["doctor"])
    assert "pip install 'dash-pipe[nonsense]'" in capsys.readouterr().out


def test_doctor_reports_an_endpoint_whose_broker_is_away(capsys: Capture) -> None:
    info = {"protocol": "dash-pipe.v1", "status": "the broker is away", "version": "1"}
    with answering(503, json.dumps(info).encode()) as base:
        assert main(["doctor", "--url", base]) == Exit.UNREACHABLE
    assert "info: HTTP 503; the broker is away\n" in capsys.readouterr().out


def test_doctor_names_the_base_of_a_django_project(capsys: Capture) -> None:
    with answering(404, b"<html>") as base:
        assert main(["doctor", "--url", base]) == Exit.UNREACHABLE
    assert "or is /<ws_route>/ in Django" in capsys.readouterr().out


def test_docs_list_every_exit_code() -> None:
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
    table = text[text.index("## Exit codes") :]
    assert re.findall(r"^\| (\d) \|", table, re.MULTILINE) == [str(int(code)) for code in Exit]
