"""The thread that talks to a channel layer: joins groups, receives events, sends messages."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ...log import NO_HISTORY, Log, Snapshot
from ...telemetry.events import log_event
from .. import OnAppend
from .events import GROUP, message

JOIN_SECONDS = 10.0  # between two joins of a group: a layer may forget its members
IDLE_SECONDS = 60.0  # that a channel is followed after its last listener has left
JOINS = 8  # at the same time: a layer may open a connection for each
RETRY_SECONDS = (0.1, 5.0)  # before the first retry to receive, and the maximum
CANCEL_TIMEOUT = 1.0  # seconds for a layer to end what it waits for
STOP_TIMEOUT = 5.0

logger = logging.getLogger("dash_pipe")


@dataclass(eq=False)
class FollowedChannel:
    """A channel whose group is joined.

    Attributes:
        log: the messages received; it has an epoch once the group was joined.
        mailbox: the name of the layer's channel that we receive from.
        task: receives from it.
        ended: the task is to end. A layer may swallow a cancellation.
    """

    channel: str
    log: Log
    mailbox: str = ""
    task: asyncio.Task[None] | None = None
    ended: bool = False

    def end(self) -> asyncio.Task[None]:
        """Cancel the task and return it; on the loop. Repeat until the task is done."""
        assert self.task is not None, "a followed channel has a task"
        self.ended = True
        self.task.cancel()
        return self.task


class LayerFollower:
    """A thread with a loop and a layer, started at first use.

    Args:
        make_layer: makes the layer.
        on_append: called with the name of a channel that has grown.
        expire: drops and returns the channels without listeners since a moment.
    """

    def __init__(
        self,
        make_layer: Callable[[], Any],
        on_append: OnAppend,
        expire: Callable[[float], list[FollowedChannel]],
    ) -> None:
        self._make_layer = make_layer
        self._on_append = on_append
        self._expire = expire
        self._lock = threading.Lock()
        self._running: tuple[asyncio.AbstractEventLoop, threading.Thread, Any] | None = None
        # Used on the loop only
        self._followed: set[FollowedChannel] = set()
        self._leaving: list[FollowedChannel] = []
        self._leaver: asyncio.Task[None] | None = None
        self._joins = asyncio.Semaphore(JOINS)

    def send(self, group: str, event: dict[str, Any], timeout: float) -> None:
        """Send an event to a group and wait until the layer has taken it.

        Raises:
            TimeoutError: of ``concurrent.futures``.
            Exception: whatever the layer raises.
        """
        loop, layer = self._start()
        sending = asyncio.run_coroutine_threadsafe(layer.group_send(group, event), loop)
        try:
            sending.result(timeout)
        finally:
            sending.cancel()

    def follow(self, followed: FollowedChannel) -> None:
        """Join the group of a channel and receive from it until ``leave``. Never wait."""
        loop, layer = self._start()

        def begin() -> None:
            self._followed.add(followed)
            followed.task = loop.create_task(self._receive(layer, followed))
            followed.task.add_done_callback(lambda _: self._followed.discard(followed))

        loop.call_soon_threadsafe(begin)

    def leave(self, gone: list[FollowedChannel]) -> None:
        """Stop receiving from channels and leave their groups. Never wait."""
        running = self._running
        if not gone or running is None:
            return
        loop, _, layer = running

        def end() -> None:
            for followed in gone:
                followed.end()
            self._leaving += gone
            if self._leaver is None or self._leaver.done():
                self._leaver = loop.create_task(self._leave(layer))

        loop.call_soon_threadsafe(end)

    def stop(self) -> None:
        """End the thread, if it runs."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            loop, thread, _ = running
            loop.call_soon_threadsafe(loop.stop)
            thread.join(STOP_TIMEOUT)

    def _start(self) -> tuple[asyncio.AbstractEventLoop, Any]:
        with self._lock:
            if self._running is None:
                loop, layer = asyncio.new_event_loop(), self._make_layer()
                self._joins = asyncio.Semaphore(JOINS)  # one is bound to its loop
                thread = threading.Thread(
                    target=self._run, args=(loop, layer), name="dash-pipe-layer", daemon=True
                )
                self._running = loop, thread, layer
                thread.start()
            loop, _, layer = self._running
            return loop, layer

    def _run(self, loop: asyncio.AbstractEventLoop, layer: Any) -> None:
        asyncio.set_event_loop(loop)
        tending = loop.create_task(self._tend(layer))
        loop.run_forever()
        own = [tending] if self._leaver is None else [tending, self._leaver]
        for task in own:
            task.cancel()
        loop.run_until_complete(asyncio.wait(own, timeout=CANCEL_TIMEOUT))
        deadline = time.monotonic() + CANCEL_TIMEOUT
        while self._followed and time.monotonic() < deadline:
            tasks = [followed.end() for followed in self._followed]
            loop.run_until_complete(asyncio.wait(tasks, timeout=0.05))
        with suppress(Exception):  # the layer closes its connections in it, which may be gone
            loop.close()

    async def _tend(self, layer: Any) -> None:
        """Rejoin every group regularly; leave the groups of expired channels."""
        while True:
            await asyncio.sleep(JOIN_SECONDS)
            self.leave(self._expire(time.monotonic() - IDLE_SECONDS))
            for followed in list(self._followed):
                if followed.ended:
                    followed.end()
                elif followed.log.epoch:
                    await _quietly(layer.group_add(GROUP + followed.channel, followed.mailbox))

    async def _leave(self, layer: Any) -> None:
        """Leave the groups of channels that are no longer followed."""
        while self._leaving:
            followed = self._leaving.pop()
            if followed.mailbox:
                await _quietly(layer.group_discard(GROUP + followed.channel, followed.mailbox))

    async def _receive(self, layer: Any, followed: FollowedChannel) -> None:
        """Join a group, then append each event to the log, until the channel is left."""
        pause, longest = RETRY_SECONDS
        while not followed.ended:
            try:
                if not followed.log.epoch:
                    await self._join(layer, followed)
                event = await layer.receive(followed.mailbox)
            except Exception as error:  # a layer raises what its own client does
                level = logging.WARNING if pause == longest else logging.DEBUG
                logger.log(
                    level,
                    "dash-pipe: receiving from the channel layer failed; retrying: %r",
                    error,
                    extra=log_event("channel_layer_failed"),
                )
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)
                continue
            pause = RETRY_SECONDS[0]
            if (heard := message(event)) is not None:
                followed.log.append(*heard)
                self._on_append(followed.channel)

    async def _join(self, layer: Any, followed: FollowedChannel) -> None:
        followed.mailbox = followed.mailbox or await layer.new_channel()
        async with self._joins:
            await layer.group_add(GROUP + followed.channel, followed.mailbox)
        epoch = NO_HISTORY + secrets.token_urlsafe(8)
        followed.log.load(Snapshot(epoch, 0, [], [], {}, 0))
        followed.log.refreshed = 1
        self._on_append(followed.channel)


async def _quietly(request: Coroutine[Any, Any, None]) -> None:
    """Await a request to a layer; log an error only, as the request is repeated later."""
    try:
        await request
    except Exception as error:
        logger.debug(
            "dash-pipe: the channel layer is unavailable: %r",
            error,
            extra=log_event("channel_layer_failed"),
        )
