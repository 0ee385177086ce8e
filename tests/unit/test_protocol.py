import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_pipe import protocol
from dash_pipe.errors import ProtocolError
from dash_pipe.log import Batch, Ended, Past, Position
from dash_pipe.protocol import (
    ClientFrame,
    Close,
    Frame,
    Pong,
    Replay,
    Subscribe,
    Unsubscribe,
    decode,
)
from unit.vectors import VECTORS, vectors


def as_client_frame(frame: dict[str, Any]) -> ClientFrame:
    """Build the client frame that a vector describes."""
    fields = {name: value for name, value in frame.items() if name != "type"}
    if fields.get("labels") is not None:
        fields["labels"] = frozenset(fields["labels"])
    if fields.get("since") is not None:
        fields["since"] = Position(**fields["since"])
    kinds = {"subscribe": Subscribe, "unsubscribe": Unsubscribe, "replay": Replay, "pong": Pong}
    request: ClientFrame = kinds[frame["type"]](**fields)
    return request


def past_of(fields: dict[str, Any]) -> Past:
    return tuple(Ended(*entry) for entry in fields.get("past", ()))


def encode(frame: dict[str, Any]) -> Frame:
    """Build a server's frame with the product's own functions."""
    fields = {name: value for name, value in frame.items() if name != "type"}
    rows = [json.dumps(row) for row in fields.get("messages", [])]
    match frame["type"]:
        case "subscribed":
            at = Position(fields.pop("epoch"), fields.pop("offset"))
            denied = frozenset(fields.pop("denied", ()))
            fields["past"] = past_of(fields)
            return protocol.subscribed(fields.pop("channel"), at, denied=denied, **fields)
        case "messages":
            lost = [tuple(row) for row in fields.get("lost", [])]
            batch = Batch(rows, fields["upto"], lost, fields["epoch"], past_of(fields))
            return protocol.messages(fields["channel"], batch)
        case "replayed":
            request = Replay(fields["id"], fields["channel"], None, 1)
            at = Position(fields["epoch"], fields["upto"])
            return protocol.replayed(request, at, rows, done=fields["done"])
        case "ping":
            return protocol.ping(fields["n"], fields.get("upto"))
        case "error":
            problem = ProtocolError(fields["code"], fields["reason"], fields.get("channel"))
            return protocol.error(problem, ended="ended" in fields)
    raise AssertionError(f"no such frame: {frame['type']}")


@vectors("from_browser")
def test_decode_of_a_shared_vector_gives_its_frame_or_error(vector: dict[str, Any]) -> None:
    if "frame" in vector:
        assert decode(vector["text"]) == as_client_frame(vector["frame"])
    else:
        with pytest.raises(ProtocolError) as caught:
            decode(vector["text"])
        assert caught.value.code == vector["error"]


@vectors("from_server")
def test_encode_of_a_shared_vector_gives_its_frame(vector: dict[str, Any]) -> None:
    assert json.loads(encode(vector["frame"]).text) == vector["frame"]


def test_shared_vectors_cover_every_frame_type() -> None:
    asked = {vector["frame"]["type"] for vector in VECTORS["from_browser"] if "frame" in vector}
    told = {vector["frame"]["type"] for vector in VECTORS["from_server"]}
    assert asked == {"subscribe", "unsubscribe", "replay", "pong"}
    assert told == {"subscribed", "messages", "replayed", "ping", "error"}


@pytest.mark.parametrize("kind", ["subscribe", "replay"])
def test_decode_of_too_many_labels_raises_error_with_the_channel(kind: str) -> None:
    labels = [f"label {number}" for number in range(40)]
    frame = {"type": kind, "channel": "jobs", "labels": labels, "id": 1, "last": 1}
    with pytest.raises(ProtocolError) as caught:
        decode(json.dumps(frame))
    assert caught.value.channel == "jobs"
    assert "32" in caught.value.reason
    assert "40" in caught.value.reason


@pytest.mark.parametrize(
    "text", ['{"type":"pong","n":' + "9" * 5000 + "}", '{"type":"pong","n":1e999}', "\ud800"]
)
def test_decode_of_a_value_that_javascript_cannot_hold_raises(text: str) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


def test_lone_surrogates_in_names_survive_a_round_trip() -> None:
    request = decode('{"type":"subscribe","channel":"\\ud800","labels":["\\udfff"]}')
    assert isinstance(request, Subscribe)
    frame = protocol.messages(request.channel, Batch([], 0, [("\udfff", 1)], "e1"))
    frame.text.encode()  # it can travel
    assert json.loads(frame.text)["channel"] == request.channel


def test_decode_error_names_the_type_received() -> None:
    for text, came in [("[]", "a list"), ("null", "null"), ("1.5", "a number"), ('""', "a string")]:
        with pytest.raises(ProtocolError, match=came):
            decode(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("channel", "labels", "since", "token", "id", "last", "n")
TYPES = st.sampled_from(["subscribe", "unsubscribe", "replay", "pong"])
NEARLY = st.fixed_dictionaries(
    {"type": TYPES | JSON},
    optional={
        name: JSON | st.just("jobs") | st.just(1) | st.just({"epoch": "e", "offset": 1})
        for name in FIELDS
    },
)


def check_decode(text: str) -> None:
    """Check that a text is decoded, or raises an error that can be sent."""
    try:
        assert isinstance(decode(text), ClientFrame)
    except ProtocolError as problem:
        told = json.loads(protocol.error(problem).text)
        assert told["code"] in {"bad_frame", "too_many_labels"}
        assert told["reason"]


@given(st.text())
def test_decode_of_any_text_gives_frame_or_protocol_error(text: str) -> None:
    check_decode(text)


@given(JSON | NEARLY)
def test_decode_of_any_json_gives_frame_or_protocol_error(value: Any) -> None:
    check_decode(json.dumps(value))


def test_docs_list_every_close_code_and_the_final_ones() -> None:
    text = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d{4}) \| .+ \| (.+) \|$", text, re.MULTILINE)
    does = {int(code): what for code, what in rows}
    by_websockets, by_nobody = 1002, 1006
    assert set(does) == {*Close, by_websockets, by_nobody}
    assert len(does) == len(rows)
    final = {code for code, what in does.items() if what.startswith("final")}
    assert final == {code for code in Close if 4400 < code < 4408}
