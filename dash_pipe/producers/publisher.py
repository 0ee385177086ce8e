"""Send what a source yields."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from dash import no_update

from ..brokers.coordinator import LeaseLostError
from ..errors import BrokerUnavailableError, InvalidMessageError
from ..runtime import Runtime
from ..sending import checked_text
from ..telemetry.events import log_event
from .claim import Claim
from .source_log import SourceLog


class Publisher:
    """Send the values of one run of a source. One thread at a time may call it.

    Args:
        runtime: the runtime.
        claim: the right to send.
        channel: the channel.
        label: the label; None if the values are pairs of label and value.
        name: the source, for log lines.

    Attributes:
        closed: set when the run has to end. What it has yielded by then is sent, if the broker
            takes it at once.
        abandoned: set when the run did not end. Nothing is sent from then on.
    """

    def __init__(
        self, runtime: Runtime, claim: Claim, channel: str, label: str | None, name: str
    ) -> None:
        self._runtime = runtime
        self._claim = claim
        self._channel = channel
        self._label = label
        self._name = name
        self._is_away = False
        self.closed = threading.Event()
        self.abandoned = threading.Event()

    def send(self, value: Any) -> None:
        """Send a value. While the broker is away, retry until the run has to end.

        A value that can't be sent is logged and dropped. Every attempt has the same message id, so
        nothing is sent twice.

        Raises:
            LeaseLostError: another process runs the source now.
        """
        if value is no_update or self.abandoned.is_set():
            return
        try:
            label, value = self._labelled(value)
            if value is no_update:
                return
            text = checked_text(self._runtime, self._channel, label, value)
        except InvalidMessageError as error:
            self._runtime.diagnostics.limited_log.warning(
                "dash-pipe: source %s on channel %r: a value was not sent: %s",
                self._name,
                self._channel,
                error,
                extra=log_event("source_value_invalid", source=self._name),
            )
            return
        message_id = secrets.token_urlsafe(12)
        while not self.abandoned.is_set():
            try:
                self._claim.publish(label, text, message_id)
                self._is_away = False
                return
            except LeaseLostError:
                # A process that gives the source back must not take it again.
                if self.closed.is_set() or not self._has_again():
                    raise
            except BrokerUnavailableError as error:
                self._note_away(error.reason)
                if self.closed.is_set():
                    return

    def _labelled(self, value: Any) -> tuple[str, Any]:
        """Return the label and the value."""
        if self._label is not None:
            return self._label, value
        if not (isinstance(value, tuple | list) and len(value) == 2):
            reason = "the source has no label=, so it has to yield pairs: a label, a value"
            raise InvalidMessageError("label", reason)
        return value[0], value[1]

    def _has_again(self) -> bool:
        """Take the right again, if it has ended and nobody else has taken it meanwhile."""
        try:
            return self._claim.hold()
        except ConnectionError:
            return True  # unknown: the next attempt to send will tell

    def _note_away(self, reason: str) -> None:
        """Log that the broker is away, once each time."""
        if not self._is_away:
            self._is_away = True
            SourceLog(self._name, self._channel).waits(reason)
