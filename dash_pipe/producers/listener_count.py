"""Count the browsers that listen on a channel."""

from __future__ import annotations

from functools import partial

from .. import runtime, serving
from ..brokers.listening import Listening
from ..concurrency.pool import Pool, PoolFullError
from ..errors import InvalidMessageError, ListenersUnknownError, SetupError
from ..protocol import MAX_NAME, is_name
from ..runtime import Runtime

THREADS = 2  # that wait for the broker
QUEUE_TIMEOUT = 5.0  # seconds to wait for one of them


def listeners(channel_name: str, label: str | None = None) -> int:
    """Return how many browsers listen on a channel, in all processes that share the broker.

    A page that listens with several Pipes counts once. A page that polls counts while a poll is
    under way. If a process is killed, its browsers count for 6 more seconds.

    With messages in memory, and with a channel layer, only the browsers of this process count.

    Args:
        channel_name: the channel.
        label: only those that listen for this label.

    Raises:
        InvalidMessageError: a name is not a string of 1 to 200 characters.
        ListenersUnknownError: the broker does not answer.
        SetupError: messages are in the memory of the process that started this one.
    """
    return _read(runtime.current(), channel_name, label)


async def async_listeners(channel_name: str, label: str | None = None) -> int:
    """Do the same without blocking the event loop."""
    current = runtime.current()
    if current.broker.coordinator is None:
        return _read(current, channel_name, label)
    read = partial(_read, current, channel_name, label)
    try:
        return await current.part(_threads).submit(read).outcome(QUEUE_TIMEOUT)
    except PoolFullError as error:
        raise ListenersUnknownError(f"none of {THREADS} threads was free in time") from error


def _read(current: Runtime, channel: str, label: str | None) -> int:
    check_names(current, channel, label)
    try:
        return listening(current, channel).count(label)
    except ConnectionError as error:
        raise ListenersUnknownError(f"listeners({channel!r}): {error}") from error


def listening(current: Runtime, channel: str) -> Listening:
    """Return who listens on a channel, in all processes that share the broker.

    Raises:
        ConnectionError: the broker does not answer.
    """
    coordinator = current.broker.coordinator
    if coordinator is None:
        return current.audience.listening(channel)
    return coordinator.listening(channel)


def check_names(current: Runtime, channel: object, label: object) -> None:
    """Check that the listeners can be counted.

    Raises:
        InvalidMessageError, SetupError: see ``listeners``.
    """
    names = {"channel_name": channel} | ({} if label is None else {"label": label})
    for argument, name in names.items():
        if not is_name(name):
            reason = f"expected a string of 1 to {MAX_NAME} characters, got {name!r:.100}"
            raise InvalidMessageError(argument, reason)
    if not current.broker.may_wait and serving.parent(current) is not None:
        raise SetupError(
            "listeners(): the browsers are connected to the process that started this one, and "
            "with messages in memory only that process can count them; call it there, or set "
            "DASH_PIPE_BROKER=redis://..."
        )


def _threads(_: Runtime) -> Pool:
    return Pool("dash-pipe-listeners", THREADS)
