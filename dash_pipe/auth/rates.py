"""Bound how many handshakes and polls each address may send a second."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from ..concurrency.per_process import Part
from ..protocol import Close, Rejection
from ..runtime import Runtime
from ..telemetry.bucket import SECONDS, Bucket
from ..telemetry.events import log_event
from .client_address import client_address
from .origin import RequestHead

MAX_ADDRESSES = 10_000  # that are counted; the one that was silent for longest is forgotten

_UNTRUSTED = (
    "dash-pipe: a limit of an address was reached by a proxy that is not in trusted_proxies: all "
    "browsers behind it count as one address"
)


class Rates(Part):
    """The requests of each address in this process; a part of the runtime. Threads share it.

    Args:
        runtime: has the settings.
        clock: seconds that only go forward.
    """

    def __init__(self, runtime: Runtime, clock: Callable[[], float] = time.monotonic) -> None:
        self._runtime = runtime
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[tuple[str, str], Bucket] = OrderedDict()

    def rejection(self, head: RequestHead) -> Rejection | None:
        """Count a request; return why it is rejected if its address sends too many."""
        settings = self._runtime.settings
        forwarded = head.headers.get("x-forwarded-for", "")
        address = client_address(head.peer, forwarded, settings.trusted_proxies)
        if address is None:
            return None
        if head.is_websocket:
            name, rate, what = "handshake_rate", settings.handshake_rate, "handshakes"
        else:
            name, rate, what = "poll_rate", settings.poll_rate, "polls"
        if self._takes(name, address, rate):
            return None
        self._runtime.counters.add(f"{name}_reached")
        if forwarded and address == client_address(head.peer, "", settings.trusted_proxies):
            self._runtime.diagnostics.warn_once(_UNTRUSTED, log_event("proxy_untrusted"))
        return (
            Close.TRY_LATER,
            f"{name}: this address sends more than {rate:g} {what} a second, over {SECONDS:g} s",
        )

    def _takes(self, name: str, address: str, rate: float) -> bool:
        now = self._clock()
        with self._lock:
            bucket = self._buckets.get((name, address))
            if bucket is None:
                bucket = self._buckets[name, address] = Bucket(now)
                if len(self._buckets) > MAX_ADDRESSES:
                    self._buckets.popitem(last=False)
            self._buckets.move_to_end((name, address))
            return bucket.take(now, rate)
