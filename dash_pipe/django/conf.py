"""The project's settings: ``DASH_PIPE``, else the keys of ``PLOTLY_DASH`` that mean the same."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from ..settings import Project

OWN = "DASH_PIPE"
FORMER = "PLOTLY_DASH"  # of django-plotly-dash
NAMES = (OWN, FORMER, "FORCE_SCRIPT_NAME")
_SHARED = ("ws_route", "http_route", "http_poke_enabled")
_DEFAULTS = {"ws_route": "dpd/ws/channel", "http_route": "dpd/views"}


def project() -> Project:
    """Return the settings of the project, and the base of the endpoint that follows from them."""
    found = {name: (f"the default of {name}", value) for name, value in _DEFAULTS.items()}
    former = _said(FORMER)
    found |= {name: (f"{FORMER}[{name!r}]", former[name]) for name in _SHARED if name in former}
    found |= {name: (f"{OWN}[{name!r}]", value) for name, value in _said(OWN).items()}
    if "url" not in found:
        shown, route = found["ws_route"]
        prefix = (settings.FORCE_SCRIPT_NAME or "").rstrip("/")
        found["url"] = (shown, f"{prefix}/{str(route).strip('/')}/")
    return found


def _said(name: str) -> dict[str, Any]:
    """One of the project's dicts; what is none is found by ``check_settings``."""
    value = getattr(settings, name, None)
    return value if isinstance(value, dict) else {}
