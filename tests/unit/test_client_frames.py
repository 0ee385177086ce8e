"""The client's frames, with the vectors of the server and the browser."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_pipe import protocol
from dash_pipe.client.frames import Error, Messages, Ping, Replayed, Subscribed, decode, encode
from dash_pipe.errors import ProtocolError
from dash_pipe.log import Ended
from dash_pipe.protocol import Pong, Subscribe
from unit.vectors import vectors


@vectors("from_browser")
def test_encode_gives_text_that_the_server_decodes(vector: dict[str, Any]) -> None:
    if "frame" not in vector:
        return  # malformed: no client of ours sends it
    frame = protocol.decode(vector["text"])
    assert protocol.decode(encode(frame)) == frame
    sent = json.loads(encode(frame))
    expected = {name: value for name, value in vector["frame"].items() if value is not None}
    if sent.get("labels"):
        sent["labels"], expected["labels"] = set(sent["labels"]), set(expected["labels"])
    assert {name: value for name, value in sent.items() if value is not None} == expected
    assert ("labels" in sent) == ("labels" in vector["frame"])


def expected_frame(fields: dict[str, Any]) -> object:
    fields = {name: value for name, value in fields.items() if name != "type"}
    if "messages" in fields:
        fields["rows"] = fields.pop("messages")
    if "lost" in fields:
        fields["lost"] = [tuple(each) for each in fields["lost"]]
    if "past" in fields:
        fields["past"] = tuple(Ended(*entry) for entry in fields["past"])
    if "denied" in fields:
        fields["denied"] = tuple(fields["denied"])
    return fields


@vectors("from_server")
def test_decode_reads_each_frame_of_the_server(vector: dict[str, Any]) -> None:
    kinds = {"subscribed": Subscribed, "messages": Messages, "replayed": Replayed}
    kinds |= {"ping": Ping, "error": Error}
    fields = vector["frame"]
    frame: Any = decode(json.dumps(fields))
    assert type(frame) is kinds[fields["type"]]
    expected: Any = expected_frame(fields)
    assert {name: getattr(frame, name) for name in expected} == expected


def test_decode_ignores_an_unknown_type_and_unknown_fields() -> None:
    assert decode('{"type":"weather","n":1}') is None
    assert decode('{"type":"ping","n":1,"mood":"good"}') == Ping(1)


@pytest.mark.parametrize(
    "text",
    [
        *("", "nope", "null", "[]", "{}", '{"type":["ping"]}', b"\xff", "[" * 100_000),
        '{"type":"ping"}',
        '{"type":"ping","n":1,"upto":{"jobs":-1}}',
        '{"type":"messages","channel":"c","epoch":"e","messages":[],"upto":1.5}',
        '{"type":"messages","channel":"c","epoch":"e","messages":[[1]],"upto":1}',
        '{"type":"messages","channel":"c","epoch":"e","messages":[],"upto":1,"past":[["d",-1,1]]}',
        '{"type":"messages","channel":"c","epoch":"e","messages":[],"upto":1,"past":[["d",1]]}',
        '{"type":"messages","channel":"c","epoch":"e","messages":[["1","a",1,1]],"upto":1}',
    ],
    ids=lambda text: str(text)[:30],
)
def test_decode_malformed_frame_raises_with_the_type_received(text: str | bytes) -> None:
    with pytest.raises(ProtocolError, match="malformed frame from the server"):
        decode(text)


@given(st.text() | st.binary())
def test_decode_any_text_gives_frame_or_protocol_error(text: str | bytes) -> None:
    with contextlib.suppress(ProtocolError):
        decode(text)


def test_labels_too_large_for_a_frame_become_every_label() -> None:
    labels = frozenset(f"{n}" + "🚀" * 150 for n in range(30))
    assert json.loads(encode(Subscribe("jobs", labels)))["labels"] is None
    text = encode(Subscribe("jobs", None, token="x" * 9000))
    assert json.loads(text)["token"] == "x" * 9000
    assert encode(Pong(1)) == '{"type":"pong","n":1}'
