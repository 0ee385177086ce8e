"""Sending what a transaction has made true."""

from __future__ import annotations

from typing import Any

from .. import runtime
from ..sending import prepared


def send_on_commit(
    channel_name: str,
    label: str,
    value: Any,
    *,
    message_id: str | None = None,
    using: str | None = None,
    robust: bool = False,
) -> None:
    """Send a value when the transaction commits, and never if it is rolled back.

    A callback that a message fires may read the database at once; so it finds there what the
    message is about. Outside of a transaction the message is sent now. It is checked and encoded
    now in any case.

    Args:
        channel_name: as for ``send_to_pipe_channel``.
        label: likewise.
        value: likewise.
        message_id: likewise.
        using: the database; the default one if not given.
        robust: a message that can't be sent is an error in the log, and not of whoever commits.

    Raises:
        InvalidMessageError: now, as ``send_to_pipe_channel`` does.
    """
    from django.db import transaction  # late: ``import dash_pipe.django`` needs no settings

    send = prepared(runtime.current(), channel_name, label, value, message_id)
    transaction.on_commit(send, using=using, robust=robust)
