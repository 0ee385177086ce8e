"""Call the app's ``authorize`` for the websockets of a loop: in a task, which the hub waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..auth.authorize import authorize_subscribe
from ..auth.call_app import OpenRequest
from ..hub.authorization import Pending
from ..hub.session import Session
from ..protocol import Subscribe
from .loop_hub import LoopHub


class LoopAuthorize:
    """Authorize the subscribes of one websocket, one at a time; an ``Authorize`` for the hub.

    Args:
        hub: takes the outcomes.
        open_request: brings the request back for ``authorize``.
        changed: called after ``task`` has changed.

    Attributes:
        task: the call that is under way. Nothing is read from the browser meanwhile.
    """

    __slots__ = ("_changed", "_hub", "_open_request", "task")

    def __init__(
        self, hub: LoopHub, open_request: OpenRequest, changed: Callable[[], None]
    ) -> None:
        self._open_request = open_request
        self._hub = hub
        self._changed = changed
        self.task: asyncio.Task[None] | None = None

    def __call__(self, session: Session, subscribe: Subscribe) -> Pending:
        """Begin to ask the app."""
        # No task of the loop's own factory, which may be one that begins before this returns.
        asking = self._ask(session, subscribe)
        self.task = asyncio.Task(asking, loop=asyncio.get_running_loop())
        self.task.add_done_callback(self._done)
        self._changed()
        return Pending()

    def cancel(self) -> None:
        """Give up the call that is under way: the browser has gone."""
        if self.task is not None:
            self.task.cancel()

    async def _ask(self, session: Session, subscribe: Subscribe) -> None:
        outcome = await authorize_subscribe(self._hub.runtime, self._open_request, subscribe)
        self._hub.resolve_authorization(session, outcome)

    def _done(self, task: asyncio.Task[None]) -> None:
        if self.task is task:  # else what waited for this outcome has begun the next call
            self.task = None
            self._changed()
