"""Check the token of a subscribe to a protected channel."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import SettingError
from ..hub.authorization import Permission
from ..protocol import Denied, Subscribe
from ..runtime import Runtime
from ..settings.patterns import matches_pattern
from ..telemetry.events import log_event
from .channel_token import ChannelToken, InvalidTokenError, verify_token
from .token_keys import verifying_keys

REFRESH_EARLY = 0.2  # part of the time of a token that is left when the page gets a fresh one
MAX_REFRESH_EARLY = 600.0  # seconds; timers of a hidden page are a minute late
_EVERY: Denied = frozenset({None})  # a subscribe to every label


class TokenCheck:
    """Check tokens. A wrong one is logged and counted, but the browser is not told why.

    Args:
        runtime: has the settings, the keys and the log.
        clock: the time, in seconds since 1970.
    """

    def __init__(self, runtime: Runtime, clock: Callable[[], float] = time.time) -> None:
        self._runtime = runtime
        self._clock = clock

    def permission(self, subscribe: Subscribe) -> Permission:
        """Return what the token of a subscribe permits; everything if no token is needed."""
        if not matches_pattern(subscribe.channel, self._runtime.settings.protected_channels):
            return Permission()
        try:
            token = self.valid_token(subscribe.channel, subscribe.token)
        except InvalidTokenError as error:
            self.note(subscribe.channel, str(error))
            return Permission(subscribe.labels or _EVERY)
        denied = _denied(subscribe, token)
        if denied and token.labels is not None:
            named = ", ".join(sorted(token.labels))
            self.note(subscribe.channel, f"it is for the labels {named:.100} alone")
        # A hint names labels of the channel, so it needs a token for all.
        is_for_all = token.labels is None or not subscribe.hint
        denied = denied if is_for_all else denied | _EVERY
        return Permission(denied, token.end, refresh=self._seconds_to_refresh(token))

    def valid_token(self, channel: str, text: str | None) -> ChannelToken:
        """Return the content of a token for a channel.

        Raises:
            InvalidTokenError: it is none, or has ended.
        """
        if text is None:
            raise InvalidTokenError("there is none; make it with dash_pipe.sign_channel()")
        try:
            keys = verifying_keys(self._runtime)
        except SettingError as error:
            raise InvalidTokenError(str(error)) from None
        token = verify_token(text, keys, self._clock())
        if token.channel != channel:
            raise InvalidTokenError(f"it is for the channel {token.channel!r:.100}")
        return token

    def _seconds_to_refresh(self, token: ChannelToken) -> float | None:
        """Return when the page should get a fresh token; None if it gets none."""
        if self._runtime.settings.authorize is None or token.refreshable_until <= token.end:
            return None
        early = min(REFRESH_EARLY * token.max_age, MAX_REFRESH_EARLY)
        return round(max(0.0, token.end - early - self._clock()), 3)

    def note(self, channel: str, reason: str) -> None:
        """Log and count that a token was denied."""
        self._runtime.diagnostics.limited_log.warning(
            "dash-pipe: denied the protected channel %.100r: the Pipe's token: %s",
            channel,
            reason,
            extra=log_event("token_denied", channel=channel, reason=reason),
        )
        self._runtime.counters.add("token_denied")


def _denied(subscribe: Subscribe, token: ChannelToken) -> Denied:
    """Return the labels that a token does not allow."""
    if token.labels is None:
        return frozenset()
    return (subscribe.labels or _EVERY) - token.labels
