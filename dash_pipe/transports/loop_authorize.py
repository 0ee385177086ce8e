"""Call the app's ``authorize`` for the websockets of a loop, in tasks whose outcomes follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from functools import partial

from ..auth.authorize import authorize_subscribe
from ..auth.call_app import OpenRequest
from ..auth.pace import Pace
from ..hub.authorization import Pending
from ..hub.session import Grant, Session
from ..protocol import Subscribe
from ..telemetry.statistics import note_slowed
from .loop_hub import LoopHub


class LoopAuthorize:
    """Authorize the subscribes of one websocket, one at a time; an ``Authorize`` for the hub.

    It renews permissions, too, in the context of the websocket: the hub calls it in others.

    Args:
        hub: takes the outcomes.
        open_request: opens the request for ``authorize``.
        changed: called after ``task`` has changed.

    Attributes:
        task: the call that is under way, if there is one. The browser is not read meanwhile.
    """

    __slots__ = ("_changed", "_context", "_hub", "_open_request", "_pace", "_renewals", "task")

    def __init__(
        self, hub: LoopHub, open_request: OpenRequest, changed: Callable[[], None]
    ) -> None:
        self._open_request = open_request
        self._hub = hub
        self._changed = changed
        self._pace = Pace(hub.runtime.settings.authorize_rate)
        self._context = copy_context()
        self._renewals: set[asyncio.Task[None]] = set()
        self.task: asyncio.Task[None] | None = None

    def __call__(self, session: Session, subscribe: Subscribe) -> Pending:
        """Start the call."""
        # Not loop.create_task(): the loop's task factory may start a task before this returns.
        call = self._run(session, subscribe)
        self.task = asyncio.Task(call, loop=asyncio.get_running_loop())
        self.task.add_done_callback(self._done)
        self._changed()
        return Pending()

    def renew(self, grant: Grant) -> None:
        """Start another call for a permission; a ``Renew``. The browser is read meanwhile."""
        loop, call = asyncio.get_running_loop(), self._run_again(grant)
        task: asyncio.Task[None] = self._context.run(partial(asyncio.Task, call, loop=loop))
        self._renewals.add(task)
        task.add_done_callback(self._renewals.discard)

    def cancel(self) -> None:
        """Cancel the calls that are under way: the browser has gone."""
        if self.task is not None:
            self.task.cancel()
        for task in self._renewals:
            task.cancel()

    async def _run(self, session: Session, subscribe: Subscribe) -> None:
        if (seconds := self._pace.seconds()) > 0:
            note_slowed(self._hub.runtime)
            await asyncio.sleep(seconds)
        runtime, open_request = self._hub.runtime, self._open_request
        outcome = await authorize_subscribe(runtime, open_request, subscribe, self._pace)
        self._hub.resolve_authorization(session, outcome)

    async def _run_again(self, grant: Grant) -> None:
        runtime, open_request = self._hub.runtime, self._open_request
        outcome = await authorize_subscribe(runtime, open_request, grant.subscribe, self._pace)
        self._hub.resolve_renewal(grant, outcome)

    def _done(self, task: asyncio.Task[None]) -> None:
        if self.task is task:  # else a frame that waited for this outcome has started the next
            self.task = None
            self._changed()
