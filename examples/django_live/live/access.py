"""Who may listen."""

from collections.abc import Mapping


def may_listen(scope, channel: str, labels: list[str] | None) -> bool:
    """Everybody to the counts; who has logged in, to everything.

    `scope` is the ASGI scope, in which Channels has put the user. The endpoints that Dash apps
    have of their own are given Flask's request instead: nobody listens there.
    """
    if not isinstance(scope, Mapping):
        return False
    return labels == ["counts"] or scope["user"].is_authenticated
