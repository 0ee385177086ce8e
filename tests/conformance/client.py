"""Clients of other people, and the outcome of a case with one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Protocol

from conformance.cases import Case

TIMEOUT = 8.0  # seconds for each wait of a client; the server drops a closed one after 10

Talk = Callable[[str, Case], list[tuple[str, ...]]]
"""Open a websocket at a URL, take the steps of a case, and return the events until the end.

An event is ("text", text), ("pong", hex), ("close", code, reason) or, if something is wrong with
the client or its time is up, ("error", text).
"""


class Client(Protocol):
    """A client library.

    Attributes:
        deflates: it can offer compression.
    """

    deflates: bool

    def talk(self, url: str, case: Case) -> list[tuple[str, ...]]:
        """See ``Talk``."""


def outcome(client: Client, url: str, case: Case) -> list[str]:
    """Return the outcome of a case as ``Case`` has it."""
    sent = [step[2] for step in case.steps if step[0] == "close"]
    return [_shown(event, sent) for event in client.talk(url, case)]


def _shown(event: tuple[str, ...], sent: list[str]) -> str:
    match event:
        case ("text", text):
            fields: Mapping[str, object] = json.loads(text)
            return f"text {fields.get('type')} {fields.get('channel')}"
        case ("close", code, reason) if not reason or reason not in sent:
            return f"close {code}"
    return " ".join(filter(None, event))
