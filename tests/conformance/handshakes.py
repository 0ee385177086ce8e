"""The handshakes of RFC 6455, right and wrong, sent by Python's own HTTP client."""

from __future__ import annotations

import base64
import hashlib
import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.client import TIMEOUT

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HEADERS = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
OPENED = "opened"
REJECTED = "an error"
NAMES_VERSION = "an error that names version 13"
NOT_OPENED = "no websocket"  # an HTTP request like others: the app may have a page for it
RIGHT = {  # what else is right
    REJECTED: (NAMES_VERSION,),
    NOT_OPENED: (REJECTED, NAMES_VERSION),
}


@dataclass(frozen=True)
class Handshake:
    """A handshake, and the outcome that is right.

    Attributes:
        changes: of the headers; None leaves one out.
    """

    name: str
    section: str
    outcome: str
    changes: Mapping[str, str | None] = field(default_factory=dict)
    method: str = "GET"
    version: int = 11


HANDSHAKES = [
    Handshake("a handshake", "4.2.2", OPENED),
    Handshake(
        "headers in another case",
        "4.2.1",
        OPENED,
        {"Upgrade": "WebSocket", "Connection": "keep-alive, UPGRADE"},
    ),
    Handshake("version 8", "4.4", NAMES_VERSION, {"Sec-WebSocket-Version": "8"}),
    Handshake("no version", "4.2.1", REJECTED, {"Sec-WebSocket-Version": None}),
    Handshake("no key", "4.2.1", REJECTED, {"Sec-WebSocket-Key": None}),
    Handshake("a short key", "4.2.1", REJECTED, {"Sec-WebSocket-Key": "c2hvcnQ="}),
    Handshake("a key that is no base64", "4.2.1", REJECTED, {"Sec-WebSocket-Key": "?" * 24}),
    Handshake("no Upgrade", "4.2.1", NOT_OPENED, {"Upgrade": None}),
    Handshake("no Connection", "4.2.1", NOT_OPENED, {"Connection": None}),
    Handshake("a POST", "4.1", REJECTED, method="POST"),
    Handshake("HTTP/1.0", "4.1", REJECTED, version=10),
]


def outcome_of(port: int, path: str, handshake: Handshake) -> str:
    """Send a handshake; return its outcome."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    connection._http_vsn = handshake.version  # type: ignore[attr-defined]
    connection._http_vsn_str = f"HTTP/1.{handshake.version - 10}"  # type: ignore[attr-defined]
    try:
        connection.putrequest(handshake.method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", f"127.0.0.1:{port}")
        for name, value in {**HEADERS, **handshake.changes}.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders()
        with connection.getresponse() as answer:
            headers = {name.lower(): value for name, value in answer.getheaders()}
    except (OSError, http.client.HTTPException) as error:
        return f"no answer ({type(error).__name__})"
    finally:
        connection.close()
    sent = {**HEADERS, **handshake.changes}
    return _shown(answer.status, headers, sent["Sec-WebSocket-Key"] or "")


def _shown(status: int, headers: Mapping[str, str], key: str) -> str:
    if status == 101:
        accepted = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        same = headers.get("sec-websocket-accept") == accepted
        upgraded = headers.get("upgrade", "").lower() == "websocket"
        return OPENED if same and upgraded else f"opened wrongly: {headers}"
    if status < 400:
        return NOT_OPENED
    if status == 500:
        return "status 500"
    return NAMES_VERSION if headers.get("sec-websocket-version") == "13" else REJECTED
