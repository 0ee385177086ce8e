"""Who may listen."""

from collections.abc import Mapping


def may_listen(scope, channel: str, labels: list[str] | None) -> bool:
    """Whoever has logged in, to everything.

    `scope` is the ASGI scope, in which Channels has put the user. The endpoints that Dash apps
    have of their own are given Flask's request instead: nobody listens there.
    """
    return isinstance(scope, Mapping) and scope["user"].is_authenticated
