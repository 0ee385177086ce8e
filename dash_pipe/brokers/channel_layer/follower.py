"""The thread on which a channel layer is spoken to: groups joined, events heard, messages sent."""

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
from .. import OnAppend
from .events import GROUP, message

JOIN_SECONDS = 10.0  # between two times that we join: a layer may forget who was in a group
LINGER_SECONDS = 60.0  # that a channel is followed after its last listener has gone
JOINS = 8  # that are under way at the same time: a layer may open a connection for each
RETRY_SECONDS = (0.1, 5.0)  # between two attempts to hear, and the longest
GOODBYE_TIMEOUT = 1.0  # that a layer has to end what it waits for
STOP_TIMEOUT = 5.0

logger = logging.getLogger("dash_pipe")


@dataclass(eq=False)
class Followed:
    """A channel whose group is joined.

    Attributes:
        log: what was heard; it has an epoch since the layer has taken us in.
        mailbox: where the layer puts what it sends to us.
        task: hears it.
        ended: it is to be heard no longer. A layer may swallow a cancellation.
    """

    channel: str
    log: Log
    mailbox: str = ""
    task: asyncio.Task[None] | None = None
    ended: bool = False

    def end(self) -> asyncio.Task[None]:
        """Stop hearing; on the loop, and again until the task is done."""
        assert self.task is not None, "who is followed is heard"
        self.ended = True
        self.task.cancel()
        return self.task


class LayerFollower:
    """A thread with a loop and a layer, from its first use on.

    Args:
        make_layer: makes the layer.
        on_append: called when something was heard.
        expire: gives up what nobody has listened to since a moment, and returns it.
    """

    def __init__(
        self,
        make_layer: Callable[[], Any],
        on_append: OnAppend,
        expire: Callable[[float], list[Followed]],
    ) -> None:
        self._make_layer = make_layer
        self._on_append = on_append
        self._expire = expire
        self._lock = threading.Lock()
        self._running: tuple[asyncio.AbstractEventLoop, threading.Thread, Any] | None = None
        # The loop's own
        self._retained: set[Followed] = set()
        self._leaving: list[Followed] = []
        self._leaver: asyncio.Task[None] | None = None
        self._joins = asyncio.Semaphore(JOINS)

    def send(self, group: str, event: dict[str, Any], timeout: float) -> None:
        """Send to a group, and wait until the layer has it.

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

    def follow(self, followed: Followed) -> None:
        """Join the group of a channel, and hear it until it is left. Never waits."""
        loop, layer = self._start()

        def begin() -> None:
            self._retained.add(followed)
            followed.task = loop.create_task(self._hear(layer, followed))
            followed.task.add_done_callback(lambda _: self._retained.discard(followed))

        loop.call_soon_threadsafe(begin)

    def leave(self, gone: list[Followed]) -> None:
        """Hear channels no longer, and leave their groups. Never waits."""
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
        loop.run_until_complete(asyncio.wait(own, timeout=GOODBYE_TIMEOUT))
        deadline = time.monotonic() + GOODBYE_TIMEOUT
        while self._retained and time.monotonic() < deadline:
            tasks = [followed.end() for followed in self._retained]
            loop.run_until_complete(asyncio.wait(tasks, timeout=0.05))
        with suppress(Exception):  # the layer closes its connections in it, which may be gone
            loop.close()

    async def _tend(self, layer: Any) -> None:
        """Join every group again and again, and leave what nobody listens to any more."""
        while True:
            await asyncio.sleep(JOIN_SECONDS)
            self.leave(self._expire(time.monotonic() - LINGER_SECONDS))
            for followed in list(self._retained):
                if followed.ended:
                    followed.end()
                elif followed.log.epoch:
                    await _quietly(layer.group_add(GROUP + followed.channel, followed.mailbox))

    async def _leave(self, layer: Any) -> None:
        """Leave the groups that are not heard any more."""
        while self._leaving:
            followed = self._leaving.pop()
            if followed.mailbox:
                await _quietly(layer.group_discard(GROUP + followed.channel, followed.mailbox))

    async def _hear(self, layer: Any, followed: Followed) -> None:
        """Join a group, then append what is sent to it; for ever."""
        pause, longest = RETRY_SECONDS
        while not followed.ended:
            try:
                if not followed.log.epoch:
                    await self._join(layer, followed)
                event = await layer.receive(followed.mailbox)
            except Exception as error:  # a layer raises what its own client does
                level = logging.WARNING if pause == longest else logging.DEBUG
                logger.log(level, "dash-pipe: the channel layer can't be heard: %r", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)
                continue
            pause = RETRY_SECONDS[0]
            if (heard := message(event)) is not None:
                followed.log.append(*heard)
                self._on_append(followed.channel)

    async def _join(self, layer: Any, followed: Followed) -> None:
        followed.mailbox = followed.mailbox or await layer.new_channel()
        async with self._joins:
            await layer.group_add(GROUP + followed.channel, followed.mailbox)
        epoch = NO_HISTORY + secrets.token_urlsafe(8)
        followed.log.load(Snapshot(epoch, 0, [], [], {}, 0))
        followed.log.refreshed = 1
        self._on_append(followed.channel)


async def _quietly(asking: Coroutine[Any, Any, None]) -> None:
    """Ask a layer for what is asked for again in a while anyhow."""
    try:
        await asking
    except Exception as error:
        logger.debug("dash-pipe: the channel layer is away: %r", error)
