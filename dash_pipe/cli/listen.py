"""``dash-pipe listen``: write the messages of a channel, a line of JSON each."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

from .. import runtime
from ..client import Gap, Listener, Subscription, Update, broker_listener, endpoint_listener
from ..errors import EndpointUnavailableError, HandshakeRejectedError, ListenDeniedError
from . import remote
from .exits import Exit, Failure
from .send import require_shared_broker

_CAUSES = {
    "window": "they left the window of the channel before they could be read",
    "epoch": "the log of the channel began again or was rolled back",
    "unknown": "it is unknown whether there were any",
}


def run(options: Namespace) -> Exit:
    """Listen as the command line says, until ``--count`` messages were written."""
    for message in islice(messages(listener_of(options)), options.count):
        _write(message)
    return Exit.OK


def listener_of(options: Namespace) -> Listener:
    """Return a listener on the endpoint at ``--url``, or on the broker."""
    channel, labels, token = options.channel, options.labels or None, options.token
    subscription = Subscription(channel, labels, replay=options.replay, token=token)
    report = partial(_report, subscription)
    if options.url is not None:
        base = remote.base_of(options.url)
        return endpoint_listener(subscription, base, options.headers, report)
    if options.headers or token is not None:
        reason = "--token and --header are for a server; give its address with --url"
        raise Failure(Exit.USAGE, f"listen: {reason}")
    require_shared_broker("listen")
    return broker_listener(subscription, runtime.current(), report)


def messages(listener: Listener) -> Iterator[dict[str, Any]]:
    """Yield messages in the form of a Pipe's ``messages``.

    Raises:
        Failure: the first connection failed, or the server denied the subscription.
    """
    try:
        for message in listener:
            fields = ("channel_name", "label", "value", "offset", "time")
            yield {name: getattr(message, name) for name in fields}
    except (HandshakeRejectedError, ListenDeniedError) as error:
        raise Failure(Exit.USAGE, str(error)) from None
    except EndpointUnavailableError as error:
        raise Failure(Exit.UNREACHABLE, str(error)) from None


def _report(subscription: Subscription, update: Update) -> None:
    """Write what an update has beside messages on standard error."""
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
