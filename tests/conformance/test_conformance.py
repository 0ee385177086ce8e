"""RFC 6455 by other people's clients, on each host that opens websockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.by_aiohttp import Aiohttp
from conformance.by_websocket_client import WebsocketClient
from conformance.by_ws import Ws
from conformance.by_wsproto import Wsproto
from conformance.cases import CASES
from conformance.client import Client, outcome
from conformance.handshakes import HANDSHAKES, RIGHT, outcome_of
from conformance.hosts import HOSTS, NOTES, OWN_TRACEBACKS
from harness.server import Server

PATH = "/_pipe/ws"


@contextmanager
def clients() -> Iterator[dict[str, Client]]:
    """Yield the clients by name."""
    with Ws() as ws:
        yield {
            "ws": ws,
            "websocket-client": WebsocketClient(),
            "wsproto": Wsproto(),
            "aiohttp": Aiohttp(),
        }


def differences(host: str, url: str) -> list[str]:
    """Return the outcomes that are neither right nor noted."""
    notes, found = NOTES.get(host, {}), []
    with clients() as each:
        for case in CASES:
            note = notes.get(case.name)
            expected = [list(one) for one in (note.outcomes if note else case.outcomes)]
            for name, client in each.items():
                if case.deflate and not client.deflates:
                    continue
                seen = outcome(client, url, case)
                if seen not in expected:
                    found.append(f"{host}, {name}, {case.name}: {seen}, expected {expected}")
    return found


def handshake_differences(host: str, port: int) -> list[str]:
    """Return the outcomes of handshakes that are neither right nor noted."""
    notes, found = NOTES.get(host, {}), []
    for handshake in HANDSHAKES:
        note = notes.get(handshake.name)
        right = (handshake.outcome, *RIGHT.get(handshake.outcome, ()))
        expected = [each for one in note.outcomes for each in one] if note else right
        seen = outcome_of(port, PATH, handshake)
        if seen not in expected:
            found.append(f"{host}, {handshake.name}: {seen}, expected {expected}")
    return found


@pytest.mark.parametrize("host", HOSTS)
def test_host_answers_other_clients_as_rfc_6455_has_it(host: str, tmp_path: Path) -> None:
    with Server(host, "" if host == "gateway" else "room", tmp_path / "log") as server:
        found = differences(host, f"ws://127.0.0.1:{server.port}{PATH}")
        found += handshake_differences(host, server.port)
        tracebacks = server.tracebacks()
    assert found == [], "\n".join(["", *found])
    assert [each for each in tracebacks if not any(own in each for own in OWN_TRACEBACKS)] == []
