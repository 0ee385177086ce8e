"""Count the connections of each address, and bound them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

from ..concurrency.per_process import Part
from ..protocol import Close, Rejection
from ..runtime import Runtime
from ..telemetry.events import log_event
from .client_address import client_address

_UNTRUSTED = (
    "dash-pipe: max_connections_per_address is set, and a request came through a proxy that is not "
    "in trusted_proxies: all browsers behind it count as one address"
)


class Addresses(Part):
    """The connections of each address in this process; a part of the runtime. Threads share it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def enter(self, address: str | None) -> Rejection | None:
        """Count a connection; return why it is rejected, and not counted, if it is one too many."""
        most = self._runtime.settings.max_connections_per_address
        if most is None or address is None:
            return None
        with self._lock:
            if self._counts[address] < most:
                self._counts[address] += 1
                return None
        self._runtime.counters.add("max_connections_per_address_reached")
        return Close.TRY_LATER, f"max_connections_per_address: {most} connections are open already"

    def leave(self, address: str | None) -> None:
        """Count one connection less, after an ``enter`` without a rejection."""
        with self._lock:
            if address is not None:
                self._counts[address] -= 1
                if self._counts[address] <= 0:
                    del self._counts[address]


def address_of(runtime: Runtime, headers: Mapping[str, str], peer: str | None) -> str | None:
    """Return the address that a browser counts under; None if addresses are not counted.

    Args:
        runtime: has the settings.
        headers: the headers of the handshake, by lower-case name.
        peer: the address of the client of this server.
    """
    settings = runtime.settings
    if settings.max_connections_per_address is None:
        return None
    forwarded = headers.get("x-forwarded-for", "")
    found = client_address(peer, forwarded, settings.trusted_proxies)
    if forwarded and found == client_address(peer, "", settings.trusted_proxies):
        runtime.diagnostics.warn_once(_UNTRUSTED, log_event("proxy_untrusted"))
    return found
