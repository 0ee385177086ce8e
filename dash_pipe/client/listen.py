"""Run a client in a thread that may block."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ..errors import EndpointUnavailableError
from .client import Client, Update
from .connection import Connection


def listen(
    client: Client,
    connect: Callable[[], Connection],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Update]:
    """Yield the updates of a client; reconnect for ever once the server has accepted it.

    Raises:
        EndpointUnavailableError: the first connection failed.
        ListenDeniedError: the server denied the subscription.
    """
    retrying = False
    while True:
        try:
            with connect() as connection:
                for update in _updates(client, connection, clock):
                    retrying = retrying and not update.opened
                    yield update
        except EndpointUnavailableError as error:
            delay = client.closed(error)
            if not client.accepted:
                raise
            if not retrying:
                yield Update(notes=[f"{error}; reconnecting"])
            retrying = True
            sleep(delay)


def _updates(
    client: Client, connection: Connection, clock: Callable[[], float]
) -> Iterator[Update]:
    """Yield the updates of a client on one connection until it ends."""
    for frame in client.opened(clock()):
        connection.send(frame)
    while True:
        try:
            text = connection.receive(client.timeout(clock()))
        except TimeoutError:
            update = client.waited(clock())
        else:
            update = client.received(text, clock())
        for (
            frame
        ) in update.frames:  # before the caller, which may take long: the server waits for a pong
            connection.send(frame)
        yield update
