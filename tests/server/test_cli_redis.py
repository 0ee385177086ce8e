"""The command line and a gateway on the same Redis."""

import signal
from contextlib import ExitStack, contextmanager

import pytest

from harness.command import Command, run
from harness.redis import RedisServer
from harness.server import Server
from harness.wait import wait_for_value
from harness.ws import PipeClient


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    with RedisServer(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture
def settings(redis):
    return {"DASH_PIPE_BROKER": redis.url}


@contextmanager
def listening(settings):
    """Start a listener; wait until its standard error says that it is subscribed."""
    with Command("listen", "jobs", settings=settings) as listener:
        assert listener.note() == "dash-pipe: listening on jobs for every label"
        yield listener


def test_listen_command_and_page_of_gateway_share_channel(settings, tmp_path):
    with Server("gateway", "", tmp_path / "log", settings=settings) as gateway:
        url = f"{gateway.url}/_pipe/"
        with listening(settings) as local, PipeClient(f"{gateway.url}/") as page:
            page.subscribe("jobs")
            assert run("send", "jobs", "a", '{"x": 1}', settings=settings) == (0, "", "")
            message = local.message()
            assert message["value"] == {"x": 1}
            assert page.rows(1)[0][:3] == [message["offset"], "a", {"x": 1}]
            # The same through the gateway, on the same channel.
            code, out, _ = run("listen", "jobs", "a", "--url", url, "--replay", "1", "--count", "1")
            assert (code, f'"offset": {message["offset"]}' in out) == (0, True)
        assert gateway.tracebacks() == []


def test_message_sent_again_with_same_id_arrives_once(settings):
    with listening(settings) as listener:
        for value in ("1", "1"):
            assert run("send", "jobs", "a", value, "--id", "m1", settings=settings)[0] == 0
        assert run("send", "jobs", "a", "2", settings=settings)[0] == 0
        assert [listener.message()["value"] for _ in range(2)] == [1, 2]


def test_listen_after_redis_data_loss_reconnects_and_reports_it(redis, settings):
    with listening(settings) as listener:
        assert run("send", "jobs", "a", "0", settings=settings)[0] == 0
        assert listener.message()["value"] == 0  # so there is a log to lose
        redis.kill9()
        code, _, said = run("send", "jobs", "a", "1", settings=settings)
        assert code == 3
        assert "the message was not sent" in said
        code, text, _ = run("doctor", settings=settings)
        assert code == 3
        assert "is DASH_PIPE_BROKER its address?" in text
        redis.start()  # without its data
        assert run("send", "jobs", "a", "2", settings=settings)[0] == 0
        assert listener.message()["value"] == 2
        listener.process.send_signal(signal.SIGINT)
        code, _, said = listener.end()
        assert code == 0
        assert "the log of the channel began again" in said


def test_listeners_command_counts_pages_of_all_gateways(settings, tmp_path):
    def number(*arguments):
        code, out, err = run("listeners", *arguments, settings=settings)
        assert (code, err) == (0, "")
        return int(out)

    with ExitStack() as stack:
        gateways = [Server("gateway", "", tmp_path / name, settings=settings) for name in "ab"]
        for gateway in gateways:
            stack.enter_context(gateway)
        assert number("quotes") == 0
        for gateway, labels in zip(gateways, (["bid"], None), strict=True):
            stack.enter_context(PipeClient(f"{gateway.url}/")).subscribe("quotes", labels)
        wait_for_value(lambda: number("quotes"), 2, "the number of pages")
        assert [number("quotes", "--label", label) for label in ("bid", "ask")] == [2, 1]
        gateways[0].kill9()
        wait_for_value(lambda: number("quotes"), 1, "the number without the killed gateway")
