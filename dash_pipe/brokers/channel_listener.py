"""The thread on which a channel layer is spoken to: groups joined, events heard, messages sent."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..log import NO_HISTORY, Log, Snapshot
from ..protocol import is_name
from . import Grown

GROUP = "dpd_pipe_"  # and the channel's name
EVENT = "pipe.value"
JOIN_SECONDS = 10.0  # between two times that we join: a layer may forget who was in a group
LINGER_SECONDS = 60.0  # that a channel is followed after its last listener has gone
RETRY_SECONDS = (0.1, 5.0)  # between two attempts to hear, and the longest
GOODBYE_TIMEOUT = 1.0  # that a layer has to end what it waits for
STOP_TIMEOUT = 5.0

logger = logging.getLogger("dash_pipe")


@dataclass(eq=False)
class Followed:
    """A channel whose group is joined.

    Attributes:
        log: what was heard; it has an epoch since the layer has taken us in.
        listeners: how often it is open.
        left: when the last of them went.
        mailbox: where the layer puts what it sends to us.
        task: hears it.
        ended: it is to be heard no longer. A layer may swallow a cancellation.
    """

    channel: str
    log: Log
    listeners: int = 0
    left: float = 0.0
    mailbox: str = ""
    task: asyncio.Task[None] | None = None
    ended: bool = False

    def end(self) -> asyncio.Task[None]:
        """Stop hearing; on the loop, and again until the task is done."""
        assert self.task is not None, "who is followed is heard"
        self.ended = True
        self.task.cancel()
        return self.task


class ChannelListener:
    """A thread with a loop and a layer, from its first use on.

    Args:
        make_layer: makes the layer.
        grown: called when something was heard.
        forget: gives up what nobody has listened to since a moment, and returns it.
    """

    def __init__(
        self,
        make_layer: Callable[[], Any],
        grown: Grown,
        forget: Callable[[float], list[Followed]],
    ) -> None:
        self._make_layer = make_layer
        self._grown = grown
        self._forget = forget
        self._lock = threading.Lock()
        self._running: tuple[asyncio.AbstractEventLoop, threading.Thread, Any] | None = None
        self._following: set[Followed] = set()  # the loop's own

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
        """Join the group of a channel, and hear it until it is forgotten. Never waits."""
        loop, layer = self._start()

        def begin() -> None:
            self._following.add(followed)
            followed.task = loop.create_task(self._hear(layer, followed))

        loop.call_soon_threadsafe(begin)

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
        tending.cancel()
        deadline = time.monotonic() + GOODBYE_TIMEOUT
        while self._following and time.monotonic() < deadline:
            tasks = [followed.end() for followed in self._following]
            loop.run_until_complete(asyncio.wait(tasks, timeout=0.05))
            self._bury()
        with suppress(Exception):  # the layer closes its connections in it, which may be gone
            loop.close()

    async def _tend(self, layer: Any) -> None:
        """Join every group again and again, and leave those that nobody listens to any more."""
        while True:
            await asyncio.sleep(JOIN_SECONDS)
            for followed in self._forget(time.monotonic() - LINGER_SECONDS):
                followed.end()
                await _quietly(layer.group_discard(GROUP + followed.channel, followed.mailbox))
            self._bury()
            for followed in list(self._following):
                if followed.ended:
                    followed.end()
                elif followed.log.epoch:
                    await _quietly(layer.group_add(GROUP + followed.channel, followed.mailbox))

    def _bury(self) -> None:
        """Forget whose tasks are done."""
        self._following = {f for f in self._following if f.task is None or not f.task.done()}

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
            if (message := _message(event)) is not None:
                followed.log.append(*message)
                self._grown(followed.channel)

    async def _join(self, layer: Any, followed: Followed) -> None:
        followed.mailbox = followed.mailbox or await layer.new_channel()
        await layer.group_add(GROUP + followed.channel, followed.mailbox)
        epoch = NO_HISTORY + secrets.token_urlsafe(8)
        followed.log.load(Snapshot(epoch, 0, [], [], {}, 0))
        followed.log.refreshed = 1
        self._grown(followed.channel)


def _message(event: dict[str, Any]) -> tuple[str, str] | None:
    """The label of an event and its value as JSON; ``None`` when no Pipe could take it."""
    label = event.get("label")
    try:
        value = json.dumps(event.get("value"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        logger.warning("dash-pipe: dropped a message of a channel layer: %s", error)
        return None
    if event.get("type") != EVENT or not is_name(label):
        logger.warning("dash-pipe: dropped an event of a channel layer: its label is %r", label)
        return None
    return str(label), value


async def _quietly(asking: Coroutine[Any, Any, None]) -> None:
    """Ask a layer for what is asked for again in a while anyhow."""
    try:
        await asking
    except Exception as error:
        logger.debug("dash-pipe: the channel layer is away: %r", error)
