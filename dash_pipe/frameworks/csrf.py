"""Exempt views from the CSRF protection of Flask-WTF and Quart-WTF."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

_EXTENSION = "dash_pipe.csrf"  # the extensions' key for the exempt views


def exempt_from_csrf(extensions: MutableMapping[str, Any], view: Callable[..., Any]) -> None:
    """Exempt a view from the CSRF protection of an app, if it has any.

    Call it before each request for the view, since an app may add the protection at any time. The
    protection is recognized by its ``exempt``, since neither package has to be installed.

    Args:
        extensions: the extensions of the app.
        view: the view; the protection identifies it by its module and name.
    """
    protection = extensions.get("csrf")
    exempt = getattr(protection, "exempt", None)
    done: set[Any] = extensions.setdefault(_EXTENSION, set())
    if callable(exempt) and (protection, view) not in done:
        done.add((protection, view))  # once: the protection may append it to a list
        exempt(view)
