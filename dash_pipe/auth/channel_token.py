"""Sign and verify the tokens that let a page listen on a channel. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..log import Labels

if TYPE_CHECKING:
    from itsdangerous import URLSafeSerializer

Keys = Sequence[str | bytes]
"""Secret keys, newest first. The first signs, all verify."""

MAX_LENGTH = 4000  # characters; a Pipe takes no longer one
_SALT = "dash_pipe.sign_channel"  # so no other text that is signed with the same key is a token


class InvalidTokenError(Exception):
    """A token is worth nothing. The reason is for the log, not for the browser."""


@dataclass(frozen=True)
class ChannelToken:
    """The content of a token. Everybody who has the token can read it.

    Attributes:
        channel: the channel that it is for.
        labels: the labels that it is for; None for every label.
        end: the time when it ends, in seconds since 1970.
        max_age: the seconds that it lasts, and that a fresh one in its place does.
        refreshable_until: the time when the last one in its place ends.
    """

    channel: str
    labels: Labels
    end: float
    max_age: float
    refreshable_until: float

    def refreshed(self, now: float) -> ChannelToken | None:
        """Return the content of a fresh token; None if it would not last longer."""
        end = min(now + self.max_age, self.refreshable_until)
        return replace(self, end=round(end, 3)) if end > self.end else None


def sign_token(token: ChannelToken, keys: Keys) -> str:
    """Return the text of a token, signed with the first key.

    Raises:
        UnicodeEncodeError: a name is no valid Unicode.
    """
    labels = None if token.labels is None else sorted(token.labels)
    content = [token.channel, labels, token.end, token.max_age, token.refreshable_until]
    text = _serializer(keys).dumps(content)
    return text if isinstance(text, str) else text.decode()


def verify_token(text: str, keys: Keys, now: float) -> ChannelToken:
    """Return the content of a token.

    Args:
        text: what the browser sent.
        keys: the keys that may have signed it.
        now: the time, in seconds since 1970.

    Raises:
        InvalidTokenError: it is no token, was not signed with one of the keys, or has ended.
    """
    from itsdangerous import BadData
    from itsdangerous.encoding import base64_decode, base64_encode

    try:
        if len(text) > MAX_LENGTH or not text.isascii():
            raise BadData("no token has such a text")
        signature = text.rpartition(".")[2]
        # Other texts decode to the same signature: a token has one text only.
        if base64_encode(base64_decode(signature)).decode() != signature:
            raise BadData("the signature is not in its only form")
        token = _token(_serializer(keys).loads(text))
    except BadData:
        raise InvalidTokenError("it is no token, or was not signed with a key of now") from None
    if now >= token.end:
        raise InvalidTokenError(f"it ended {now - token.end:.0f} s ago")
    return token


def _serializer(keys: Keys) -> URLSafeSerializer:
    # Late: a process that protects no channel does without the package.
    from itsdangerous import URLSafeSerializer

    return URLSafeSerializer(
        [_bytes_of(key) for key in reversed(keys)],  # there, the last key signs
        salt=_SALT,
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )


def _bytes_of(key: str | bytes) -> bytes:
    return key.encode(errors="surrogateescape") if isinstance(key, str) else key


def _token(content: Any) -> ChannelToken:
    """Return the token with a content that was signed here."""
    channel, labels, *times = content
    return ChannelToken(channel, None if labels is None else frozenset(labels), *times)
