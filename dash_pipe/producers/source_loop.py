"""An event loop for async sources, where the app has none."""

from __future__ import annotations

import asyncio
import threading

from ..concurrency.per_process import Part
from ..runtime import Runtime

STOP_SECONDS = 2.0  # that the end waits for the thread


class SourceLoop(Part):
    """Run a loop on a thread; a part of the runtime.

    The loop that serves websockets is another one: a source that blocks its loop must not hold up
    the pages.

    Attributes:
        loop: the loop.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="dash-pipe-async", daemon=True)

    def start(self) -> None:
        """Start the thread; see ``Part``."""
        self._thread.start()

    def end(self) -> None:
        """Stop the loop; see ``Part``."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while True:
            try:
                self.loop.run_forever()
            except SystemExit:  # dash.testing raises it in all threads when an app ends
                continue
            self.loop.close()
            return
