"""Call the app's ``authorize`` for the websockets of a loop: in a task, which the hub waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..auth.authorize import authorize_subscribe
from ..auth.call_app import OpenRequest
from ..hub.authorization import Outcome, Pending
from ..hub.session import Session
from ..protocol import Subscribe


class LoopAuthorize:
    """Authorize the subscribes of one websocket, one at a time; an ``Authorize`` for the hub.

    Args:
        open_request: brings the request back for ``authorize``.
        resolve: takes the outcome; see ``Hub.resolve_authorization``.
        changed: called after ``task`` has changed.

    Attributes:
        task: the call that is under way. Nothing is read from the browser meanwhile.
    """

    __slots__ = ("_changed", "_open_request", "_resolve", "task")

    def __init__(
        self,
        open_request: OpenRequest,
        resolve: Callable[[Session, Outcome], None],
        changed: Callable[[], None],
    ) -> None:
        self._open_request = open_request
        self._resolve = resolve
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
        self._resolve(session, await authorize_subscribe(self._open_request, subscribe))

    def _done(self, task: asyncio.Task[None]) -> None:
        if self.task is task:  # else what waited for this outcome has begun the next call
            self.task = None
            self._changed()
