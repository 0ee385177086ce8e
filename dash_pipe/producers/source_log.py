"""Log what happens to a source."""

from __future__ import annotations

import logging

from ..telemetry.events import log_event

logger = logging.getLogger("dash_pipe")


class SourceLog:
    """The lines about a source on a channel.

    Args:
        source: the name of the source.
        channel: the channel.
    """

    def __init__(self, source: str, channel: str) -> None:
        self._source = source
        self._channel = channel
        self._of = f"dash-pipe: source {source} on channel {channel!r}".replace("%", "%%")

    def started(self) -> None:
        """Log that this process runs it."""
        extra = log_event("source_started", source=self._source, channel=self._channel)
        logger.info(f"{self._of} runs", extra=extra)

    def stopped(self) -> None:
        """Log that this process has ended it."""
        extra = log_event("source_stopped", source=self._source, channel=self._channel)
        logger.info(f"{self._of} has ended", extra=extra)

    def returned(self) -> None:
        """Log that it has come to its end."""
        extra = log_event("source_returned", source=self._source, channel=self._channel)
        text = "has returned; it runs again when all browsers have gone, and one comes"
        logger.info(f"{self._of} {text}", extra=extra)

    def lost(self) -> None:
        """Log that another process has taken over."""
        extra = log_event("source_lost", source=self._source, channel=self._channel)
        logger.info(f"{self._of} has been taken over by another process", extra=extra)

    def failed(self, error: BaseException, delay: float) -> None:
        """Log an exception, and when it is started again."""
        extra = log_event("source_failed", source=self._source, channel=self._channel)
        logger.error(
            f"{self._of} raised %r; next try in %g s", error, delay, exc_info=error, extra=extra
        )

    def hangs(self, seconds: float) -> None:
        """Log that it does not end."""
        extra = log_event("source_hangs", source=self._source, channel=self._channel)
        logger.warning(
            f"{self._of} did not end within %g s after it was told to; it is left alone, and what "
            "it yields is not sent",
            seconds,
            extra=extra,
        )

    def waits(self, reason: str) -> None:
        """Log that the broker is away."""
        extra = log_event("source_waits", source=self._source, channel=self._channel)
        logger.warning(
            f"{self._of}: sending failed; it waits until it can send again: %s", reason, extra=extra
        )
