"""Show the numbers of this process: as a dict, and to Prometheus."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

from .concurrency.forks import after_fork_in_child
from .concurrency.greenlets import are_threads
from .concurrency.per_process import Part
from .endpoint.health import broker_health
from .errors import SetupError
from .runtime import Runtime, current
from .telemetry.statistics import stats_of

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

WRITE_SECONDS = 1.0  # between two writes of the numbers, where several processes are summed up


def stats() -> dict[str, float]:
    """Return the numbers of this process; docs/operations.md has their meanings.

    Some are of this moment, such as ``connections``; the others count from the start of the
    process. It never waits.
    """
    return stats_of(current())


def register(registry: CollectorRegistry | None = None) -> None:
    """Add the numbers to what prometheus-client shows. A second call does nothing.

    In its multiprocess mode (``PROMETHEUS_MULTIPROC_DIR``) this process, and each that is forked
    from it, writes its numbers for the process that is scraped.

    Args:
        registry: a registry of prometheus-client; the default one if there is none.

    Raises:
        SetupError: prometheus-client is not installed.
    """
    try:
        import prometheus_client

        from .telemetry.prometheus import NumbersCollector
        from .telemetry.shared_values import are_shared
    except ImportError as error:
        raise SetupError(
            "dash_pipe.metrics.register() needs the package prometheus-client, which is not "
            'installed; pip install "dash-pipe[metrics]"'
        ) from error
    if are_shared():
        _forked.begin()
        return
    registry = registry or prometheus_client.REGISTRY
    if registry not in _registries:
        registry.register(NumbersCollector(_checked_stats))
        _registries.add(registry)


def _checked_stats() -> dict[str, float]:
    """Return the numbers, with a fresh state of the broker. May wait for it, 2 seconds at most."""
    runtime = current()
    if runtime.uses_broker:
        runtime.part(broker_health).problem()
    return stats_of(runtime)


class NumbersWriter(Part):
    """Write the numbers of this process every ``WRITE_SECONDS``; a part of the runtime."""

    def __init__(self, _: Runtime) -> None:
        from .telemetry.shared_values import SharedValues

        self._values = SharedValues()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dash-pipe-metrics", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def goodbye(self) -> None:
        """Write the last numbers; see ``Part``."""
        self._values.write(stats())

    def end(self) -> None:
        """End the thread; see ``Part``."""
        self._ended.set()

    def _run(self) -> None:
        while True:
            self._values.write(_checked_stats())
            if self._ended.wait(WRITE_SECONDS):
                return


class _Forked:
    """Begin to write the numbers in this process, and again in each forked child."""

    def begin(self) -> None:
        after_fork_in_child(self, _Forked._begin_in_child)
        current().part(NumbersWriter)

    def _begin_in_child(self) -> None:
        if not are_threads():  # a greenlet can't start before gevent has ended its own fork
            self.begin()


_forked = _Forked()
_registries: WeakSet[CollectorRegistry] = WeakSet()
