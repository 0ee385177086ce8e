"""The hosts of the cases, and the outcomes that a host's own server decides otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.cases import VIOLATIONS
from conformance.handshakes import OPENED, REJECTED

HOSTS = (
    "gunicorn-gthread",
    "gunicorn-gevent",
    "uvicorn",
    "hypercorn",
    "daphne",
    "gunicorn-asgi",
    "werkzeug",
    "werkzeug-threads",
    "gunicorn-sync",
    "gunicorn-uvicorn",
    "gateway",
)


@dataclass(frozen=True)
class Note:
    """An outcome that a server decides otherwise than RFC 6455 has it.

    Attributes:
        outcomes: those that were seen; of a handshake, one of one word.
        why: the reason, for readers of the table.
    """

    outcomes: Sequence[Sequence[str]]
    why: str


DROPPED = Note([[]], "drops the connection without a close frame")
FAILURES = (
    *(case.name for case in VIOLATIONS),
    "a close with half a code",
    "a close with a code that is none",
    "a close with a code below 1000",
    "a reason that is not UTF-8",
)
OPENED_1_0 = {"HTTP/1.0": Note([[OPENED]], "the server opens it")}
UVICORN = {**OPENED_1_0, "version 8": Note([[REJECTED]], "the version is not named")}
KEYS = Note([[OPENED]], "the server takes any key")
PLAIN = Note([["close 1000"]], "autobahn sends no other code")

NOTES: Mapping[str, Mapping[str, Note]] = {
    "uvicorn": UVICORN,
    "gunicorn-uvicorn": UVICORN,
    "gateway": UVICORN,
    "gunicorn-asgi": OPENED_1_0,
    "hypercorn": {
        **dict.fromkeys(FAILURES, DROPPED),
        "version 8": Note([[REJECTED]], "the version is not named"),
        "a short key": KEYS,
        "a key that is no base64": KEYS,
    },
    "daphne": {
        **dict.fromkeys(FAILURES, DROPPED),
        **OPENED_1_0,
        "version 8": Note([[OPENED]], "the server speaks it"),
        **dict.fromkeys(
            (
                "a close of an app",
                "a binary message",
                "more than 8 KiB",
                "more than 8 KiB in parts",
            ),
            PLAIN,
        ),
    },
}
"""The notes of each host, by the name of the case. Other outcomes there fail, too."""
OWN_TRACEBACKS = ('"text": data.decode()})',)  # uvicorn's, of each text that is not UTF-8
