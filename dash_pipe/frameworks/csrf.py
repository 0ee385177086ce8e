"""What Flask-WTF and Quart-WTF offer to those whose POSTs come from no form."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

_EXTENSION = "dash_pipe.csrf"  # where an app's exempt views are kept


def exempt_from_csrf(extensions: MutableMapping[str, Any], view: Callable[..., Any]) -> None:
    """Exempt a view from the CSRF protection of an app, if it has any.

    Call it before each request for the view, as an app may add the protection any time. It is
    told by its looks, since neither package need be there.

    Args:
        extensions: of the app.
        view: known to the protection by its module and name.
    """
    protection = extensions.get("csrf")
    exempt = getattr(protection, "exempt", None)
    done: set[Any] = extensions.setdefault(_EXTENSION, set())
    if callable(exempt) and (protection, view) not in done:
        done.add((protection, view))  # once, since it may keep a list
        exempt(view)
