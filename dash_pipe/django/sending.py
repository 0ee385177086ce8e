"""Send messages when a transaction commits."""

from __future__ import annotations

from typing import Any

from .. import runtime
from ..sending import prepared, unsent


def send_on_commit(
    channel_name: str,
    label: str,
    value: Any,
    *,
    message_id: str | None = None,
    on_error: unsent.OnError = "raise",
    using: str | None = None,
    robust: bool = False,
) -> None:
    """Send a value when the transaction commits, and never if it is rolled back.

    So a callback that the message triggers can read the committed data. Outside a transaction the
    message is sent at once. It is always checked and encoded at once.

    Args:
        channel_name: see ``send_to_pipe_channel``.
        label: see ``send_to_pipe_channel``.
        value: see ``send_to_pipe_channel``.
        message_id: see ``send_to_pipe_channel``.
        on_error: see ``send_to_pipe_channel``.
        using: the database; the default database if not given.
        robust: log an error if the send fails, and do not raise it from the commit.

    Raises:
        InvalidMessageError: see ``send_to_pipe_channel``. Raised at once, not at the commit.
    """
    from django.db import transaction  # late: ``import dash_pipe.django`` needs no settings

    current = runtime.current()
    send = prepared(current, channel_name, label, value, message_id)
    transaction.on_commit(unsent.handling(current, send, on_error), using=using, robust=robust)
