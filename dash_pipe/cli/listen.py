"""``dash-pipe listen``: write the messages of a channel, a line of JSON each."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from ..client import Client, Connection, Gap, Subscription, Update, WebSocketConnection
from ..client import listen as updates_of
from ..errors import EndpointUnavailableError, HandshakeRejectedError, ListenDeniedError
from . import remote
from .exits import Exit, Failure
from .local import LocalConnection
from .send import require_shared_broker

_CAUSES = {
    "window": "they left the window of the channel before they could be read",
    "epoch": "the log of the channel began again or was rolled back",
    "unknown": "it is unknown whether there were any",
}


def run(options: Namespace) -> Exit:
    """Listen as the command line says, until ``--count`` messages were written."""
    channel, labels = options.channel, options.labels or None
    subscription = Subscription(channel, labels, replay=options.replay, token=options.token)
    connect = connector(options.url, options.headers, has_token=options.token is not None)
    arriving = messages(Client(subscription, hints=True), connect)
    for message in islice(arriving, options.count):
        _write(message)
    return Exit.OK


def connector(
    url: str | None, headers: Sequence[tuple[str, str]], *, has_token: bool
) -> Callable[[], Connection]:
    """Return a function that opens a connection: to the endpoint at ``url``, or to the broker."""
    if url is not None:
        base = remote.base_of(url)
        return lambda: WebSocketConnection(base, headers=headers)
    if headers or has_token:
        reason = "--token and --header are for a server; give its address with --url"
        raise Failure(Exit.USAGE, f"listen: {reason}")
    require_shared_broker("listen")
    return LocalConnection


def messages(client: Client, connect: Callable[[], Connection]) -> Iterator[dict[str, Any]]:
    """Yield messages in the form of a Pipe's ``messages``; report the rest on standard error.

    Raises:
        Failure: the first connection failed, or the server denied the subscription.
    """
    channel = client.subscription.channel
    try:
        for update in updates_of(client, connect):
            _report(client.subscription, update)
            for offset, label, value, time in update.rows:
                yield {"channel_name": channel, "label": label, "value": value} | {
                    "offset": offset,
                    "time": time,
                }
    except (HandshakeRejectedError, ListenDeniedError) as error:
        raise Failure(Exit.USAGE, str(error)) from None
    except EndpointUnavailableError as error:
        raise Failure(Exit.UNREACHABLE, str(error)) from None


def _report(subscription: Subscription, update: Update) -> None:
    if update.opened:
        labels = subscription.labels
        named = "every label" if labels is None else ", ".join(sorted(labels))
        _write_note(f"listening on {subscription.channel} for {named}")
    for note in update.notes:
        _write_note(note)
    for gap in update.gaps:
        _write_note(describe(gap))


def describe(gap: Gap) -> str:
    """Return the text that reports a gap."""
    upto = "" if gap.upto is None else f" up to {gap.upto}"
    return f"messages after offset {gap.after}{upto} may be lost: {_CAUSES[gap.cause]}"


def _write(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _write_note(note: str) -> None:
    sys.stderr.write(f"dash-pipe: {note}\n")
    sys.stderr.flush()
