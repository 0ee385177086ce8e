import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dash_pipe
from dash_pipe import brokers, runtime
from dash_pipe.endpoint import poke
from dash_pipe.endpoint.http import MAX_BODY_BYTES, HttpAnswer, HttpRequest
from dash_pipe.errors import BrokerUnavailableError, InvalidMessageError, SettingError
from dash_pipe.log import Position

MESSAGE = {"channel_name": "jobs", "label": "a", "value": {"deep": [1, None, "é"]}}
CURL = {"host": "localhost:8050", "content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def _enabled(fresh_runtime: None) -> None:
    dash_pipe.configure(http_poke_enabled=True)


def post(
    body: Any, *, headers: dict[str, str] | None = None, peer: str | None = "127.0.0.1"
) -> HttpAnswer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return poke.answer(
        runtime.current(), HttpRequest("POST", "poke/", {**CURL, **(headers or {})}, raw, peer)
    )


def json_of(answer: HttpAnswer) -> Any:
    return json.loads(answer.body)


def sent(channel: str = "jobs") -> list[Any]:
    log = runtime.current().broker.open(channel)
    runtime.current().broker.close(channel)
    return [json.loads(row)[1:3] for row in log.read(0, None, 2**30).rows]


def test_message_is_published_and_its_position_returned() -> None:
    answer = post(MESSAGE)
    assert answer.status == 200
    (position,) = json_of(answer)["positions"]
    assert (position["channel_name"], position["offset"]) == ("jobs", 1)
    assert position["epoch"]
    assert sent() == [["a", MESSAGE["value"]]]


def test_list_is_published_in_order() -> None:
    answer = post([{**MESSAGE, "label": label, "value": None} for label in "abc"])
    assert answer.status == 200
    assert [position["offset"] for position in json_of(answer)["positions"]] == [1, 2, 3]
    assert sent() == [["a", None], ["b", None], ["c", None]]


def test_empty_list_publishes_nothing() -> None:
    assert json_of(post([])) == {"positions": []}


def test_poke_disabled_returns_404_with_or_without_token() -> None:
    dash_pipe.configure(http_poke_enabled=False, http_poke_token="t0ken")
    for headers in ({}, {"authorization": "Bearer t0ken"}):
        answer = post(MESSAGE, headers=headers)
        assert answer.status == 404
        assert "http_poke_enabled" in json_of(answer)["error"]
    assert sent() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_other_method_returns_405_with_allow(method: str) -> None:
    answer = poke.answer(
        runtime.current(), HttpRequest(method, "poke/", CURL, json.dumps(MESSAGE).encode(), "::1")
    )
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"
    assert sent() == []


@pytest.mark.parametrize(
    "peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::1%lo"]
)
def test_local_peer_without_token_setting_is_allowed(peer: str) -> None:
    assert post(MESSAGE, peer=peer).status == 200


@pytest.mark.parametrize(
    "peer",
    [
        *("10.0.0.1", "0.0.0.0", "::", "::ffff:10.0.0.1", "2001:db8::1", "128.0.0.1", "fe80::1"),
        *("::127.0.0.1", "127.1", "localhost", "testclient", "", None),
    ],
)
def test_other_peer_without_token_setting_gets_401(peer: str | None) -> None:
    answer = post(MESSAGE, peer=peer)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "http_poke_token" in json_of(answer)["error"]
    assert sent() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:8050"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "none"),
        ("sec-fetch-mode", "no-cors"),
        ("forwarded", "for=192.0.2.60"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-for", ""),
        ("x-forwarded-host", "localhost"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-prefix", "/app"),
        ("x-real-ip", "127.0.0.1"),
        ("via", "1.1 proxy"),
        ("cf-connecting-ip", "127.0.0.1"),
        ("host", "evil.example"),
        ("host", "evil.example:8050"),
        ("host", "127.0.0.1.evil.example"),
        ("host", "localhost.evil.example"),
        ("host", "notlocalhost"),
        ("host", "[::1"),
        ("host", ""),
    ],
)
def test_browser_or_proxy_header_without_token_setting_gets_401(name: str, value: str) -> None:
    answer = post(MESSAGE, headers={name: value})
    assert answer.status == 401
    assert "http_poke_token" in json_of(answer)["error"]
    assert name in json_of(answer)["error"]
    assert sent() == []


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:8050", "[::1]:8050", "app.localhost:8050"]
)
def test_local_host_name_without_token_setting_is_allowed(host: str) -> None:
    assert post(MESSAGE, headers={"host": host}).status == 200


def test_no_host_header_without_token_setting_is_allowed() -> None:
    body = json.dumps(MESSAGE).encode()
    assert (
        poke.answer(runtime.current(), HttpRequest("POST", "poke/", {}, body, "::1")).status == 200
    )


@pytest.mark.parametrize("given", ["Bearer t0ken", "bearer t0ken", "BEARER  t0ken "])
def test_correct_token_is_allowed_from_everywhere(given: str) -> None:
    dash_pipe.configure(http_poke_token="t0ken")
    headers = {"authorization": given, "x-forwarded-for": "1.2.3.4", "origin": "https://a.org"}
    assert post(MESSAGE, headers={**headers, "host": "a.org"}, peer="10.0.0.1").status == 200
    assert post(MESSAGE, headers={"authorization": given}, peer=None).status == 200


@pytest.mark.parametrize(
    "given",
    [
        *(None, "", "Bearer", "Bearer ", "t0ken", "Basic t0ken", "Bearer T0ken", "Bearer t0ken2"),
        *("Bearer t0ke", "Bearer t0ken t0ken", "Bearer t0ken,t0ken", "Bearer é\ud800"),
    ],
)
def test_wrong_or_missing_token_gets_401_even_from_a_local_peer(given: str | None) -> None:
    dash_pipe.configure(http_poke_token="t0ken")
    answer = post(MESSAGE, headers={} if given is None else {"authorization": given})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "http_poke_token" in json_of(answer)["error"]
    assert "t0ken" not in answer.body
    assert sent() == []


@pytest.mark.parametrize(
    "kind",
    [
        *("application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json", ""),
        *("application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8"),
    ],
)
def test_json_or_form_content_type_is_accepted(kind: str) -> None:
    assert post(MESSAGE, headers={"content-type": kind}).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "text/json"])
def test_other_content_type_returns_415(kind: str) -> None:
    answer = post(MESSAGE, headers={"content-type": kind})
    assert answer.status == 415
    assert "application/json" in json_of(answer)["error"]
    assert sent() == []


def test_body_too_large_returns_413() -> None:
    body = json.dumps(MESSAGE).encode()
    assert post(body.ljust(MAX_BODY_BYTES)).status == 200
    answer = post(body.ljust(MAX_BODY_BYTES + 1))
    assert answer.status == 413
    assert "1,048,576 bytes" in json_of(answer)["error"]
    assert len(sent()) == 1


@pytest.mark.parametrize(
    ("body", "where", "reason"),
    [
        (b"", None, "JSON object such as"),
        (b"channel_name=jobs&label=a&value=1", None, "JSON object such as"),
        (b'{"channel_name"', None, "JSON object such as"),
        (b"\xff\xfe\xff", None, "JSON object such as"),
        (b"9" * 5000, None, "JSON object such as"),
        (b'{"channel_name": "c", "label": "l", "value": NaN}', None, "NaN"),
        (b"[" * 100_000, None, "too deep"),
        (b"5", None, "expected a JSON object"),
        (b'"text"', None, "expected a JSON object"),
        (b"null", None, "expected a JSON object"),
        (b"{}", "channel_name", "missing"),
        (b'{"channel_name": "c", "value": 1}', "label", "missing"),
        (b'{"channel_name": "c", "label": "l"}', "value", "missing"),
        (b'{"channel_name": "c", "label": "l", "value": 1, "x": 1}', "x", "unknown field"),
        (b'{"channel_name": "", "label": "l", "value": 1}', "channel_name", "1 to 200"),
        (b'{"channel_name": 5, "label": "l", "value": 1}', "channel_name", "got int 5"),
        (b'{"channel_name": "c", "label": ["l"], "value": 1}', "label", "got list"),
        (json.dumps({**MESSAGE, "value": "x" * 65536}).encode(), "value", "65,536 bytes"),
    ],
)
def test_invalid_body_returns_400_with_the_reason(
    body: bytes, where: str | None, reason: str
) -> None:
    answer = post(body)
    assert answer.status == 400
    assert reason in json_of(answer)["error"]
    assert json_of(answer).get("where") == where
    assert len(answer.body) < 1000
    assert sent() == sent("c") == []


@pytest.mark.parametrize("wrong", [5, [], {}, {**MESSAGE, "label": ""}, {**MESSAGE, "value": 2}])
def test_list_with_an_invalid_message_publishes_nothing(wrong: Any) -> None:
    dash_pipe.configure(max_message_bytes=50)
    bad = {**MESSAGE, "value": "x" * 50} if wrong == {**MESSAGE, "value": 2} else wrong
    answer = post([MESSAGE, MESSAGE, bad])
    assert answer.status == 400
    assert json_of(answer)["where"].startswith("[2]")
    assert sent() == []


def test_list_over_1000_messages_returns_400() -> None:
    assert post([MESSAGE] * 1001).status == 400
    assert sent() == []
    assert post([MESSAGE] * 1000).status == 200
    assert len(sent()) == 1000


class StrictBroker(brokers.Broker):
    """A broker that rejects some channel names and some values."""

    may_wait = True

    def __init__(self) -> None:
        self.sent = 0

    def check(self, channel: str) -> None:
        if "/" in channel:
            raise InvalidMessageError("channel_name", f"expected no slash, got {channel!r}")

    def publish(self, channel: str, label: str, value: str, *_: Any) -> Position:
        if len(value) > 20:
            raise InvalidMessageError("value", "the layer can't carry it")
        self.sent += 1
        return Position("e", self.sent)


def test_channel_name_invalid_for_the_broker_returns_400(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = StrictBroker()
    monkeypatch.setattr(brokers, "connect", lambda *_: layer)
    answer = post([MESSAGE, {**MESSAGE, "channel_name": "a/b"}])
    assert answer.status == 400
    assert json_of(answer) == {
        "error": "channel_name: expected no slash, got 'a/b'",
        "where": "[1].channel_name",
    }
    assert layer.sent == 0
    assert json_of(post({**MESSAGE, "channel_name": "a/b"}))["where"] == "channel_name"
    with pytest.raises(ValueError, match="expected no slash"):
        dash_pipe.send_to_pipe_channel("a/b", "a", 1)


def test_value_rejected_by_the_broker_returns_400_and_sent_positions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = StrictBroker()
    monkeypatch.setattr(brokers, "connect", lambda *_: layer)
    short = {**MESSAGE, "value": 1}
    answer = post([short, {**MESSAGE, "value": 2**70}, short])
    assert answer.status == 400
    assert json_of(answer)["where"] == "[1].value"
    assert [position["offset"] for position in json_of(answer)["positions"]] == [1]
    assert layer.sent == 1
    assert "positions" not in json_of(post({**MESSAGE, "value": 2**70}))


class UnavailableBroker(brokers.Broker):
    """A broker that is unavailable after two messages."""

    left = 2
    may_wait = True

    def publish(self, *_: Any, **__: Any) -> Position:
        if not self.left:
            raise BrokerUnavailableError("it is away", may_have_been_sent=True, message_id="m1")
        self.left -= 1
        return Position("e", 2 - self.left)


def test_unavailable_broker_returns_503_and_sent_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "connect", lambda *_: UnavailableBroker())
    answer = post([MESSAGE] * 4)
    assert answer.status == 503
    assert "it is away" in json_of(answer)["error"]
    assert [position["offset"] for position in json_of(answer)["positions"]] == [1, 2]
    assert json_of(answer)["message_id"] == "m1"
    assert json_of(answer)["may_have_been_sent"] is True


def test_same_message_id_publishes_once() -> None:
    again = {**MESSAGE, "message_id": "m1"}
    first, second = json_of(post([again, again]))["positions"]
    assert first == second == json_of(post(again))["positions"][0]
    assert len(sent()) == 1
    answer = post({**MESSAGE, "message_id": ""})
    assert (answer.status, json_of(answer)["where"]) == (400, "message_id")


def test_invalid_broker_setting_raises_setting_error() -> None:
    runtime.current().adopt({"broker": ("broker", "nonsense://secret@host")})
    with pytest.raises(SettingError):
        post(MESSAGE)


def test_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(poke.hmac, "compare_digest", lambda *pair: compared.append(pair) or True)
    dash_pipe.configure(http_poke_token="t0ken")
    assert post(MESSAGE, headers={"authorization": "Bearer x"}).status == 200
    assert compared == [(b"x", b"t0ken")]


def test_route_follows_http_route_setting_or_the_default() -> None:
    assert poke.route(None, "/app/_pipe/") == "/app/_pipe/poke/"
    for http_route in ("/hooks/in", "hooks/in", "/hooks/in/"):
        assert poke.route(http_route, "/app/_pipe/") == "/hooks/in/poke/"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.text(min_size=1, max_size=201) | plain
nearly = st.fixed_dictionaries(
    {},
    optional={
        "channel_name": names,
        "label": names,
        "value": plain,
        "message_id": names,
        "x": plain,
    },
)
bodies = (
    st.binary()
    | st.text().map(lambda text: text.encode(errors="surrogatepass"))
    | (plain | nearly | st.lists(nearly, max_size=3)).map(lambda body: json.dumps(body).encode())
    | st.tuples(st.just(json.dumps([MESSAGE] * 2).encode()), st.integers(0, 99), st.binary()).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :]
    )
)
headers = st.dictionaries(
    st.sampled_from(["authorization", "content-type", "host", "origin", "x-forwarded-for"]),
    st.text() | st.sampled_from(["application/json", "localhost", "Bearer t0ken"]),
)


@given(body=bodies, extra=headers, peer=st.none() | st.text() | st.just("::1"))
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_request_gets_a_known_status(
    body: bytes, extra: dict[str, str], peer: str | None
) -> None:
    answer = poke.answer(runtime.current(), HttpRequest("POST", "poke/", extra, body, peer))
    assert answer.status in {200, 400, 401, 413, 415}
    assert set(json_of(answer)) <= ({"positions"} if answer.status == 200 else {"error", "where"})
    answer.body.encode("ascii")


@given(body=bodies)
@settings(max_examples=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_body_gets_200_or_400(body: bytes) -> None:
    answer = post(body)
    assert answer.status in {200, 400}
    if answer.status == 200:
        parsed = json.loads(body)
        messages = parsed if isinstance(parsed, list) else [parsed]
        assert len(json_of(answer)["positions"]) == len(messages)
        for message in messages:
            assert set(message) - {"message_id"} == {"channel_name", "label", "value"}
