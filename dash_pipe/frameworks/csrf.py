"""What Flask-WTF and Quart-WTF offer to those whose POSTs come from no form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

_exempted: WeakKeyDictionary[Any, set[Callable[..., Any]]] = WeakKeyDictionary()


def exempt_from_csrf(extensions: Mapping[str, Any], view: Callable[..., Any]) -> None:
    """Exempt a view from the CSRF protection of an app, if it has any.

    To be called before each request for the view, as an app may add the protection any time. It is
    told by its looks, since neither package need be there.

    Args:
        extensions: of the app.
        view: known to the protection by its module and name.
    """
    protection = extensions.get("csrf")
    exempt = getattr(protection, "exempt", None)
    if callable(exempt) and view not in _exempted.setdefault(protection, set()):
        _exempted[protection].add(view)  # once, since it may keep a list
        exempt(view)
