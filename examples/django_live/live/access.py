"""The permissions of listeners."""

from collections.abc import Mapping


def may_listen(scope, channel: str, labels: list[str] | None) -> bool:
    """Allow the counts to everybody, and everything to users who have logged in.

    `scope` is the ASGI scope, to which Channels adds the user. The Dash apps' own endpoints get
    Flask's request instead: nobody listens there.
    """
    if not isinstance(scope, Mapping):
        return False
    return labels == ["counts"] or scope["user"].is_authenticated
