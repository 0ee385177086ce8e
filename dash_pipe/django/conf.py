"""Read the project's settings: ``DASH_PIPE``, else the equal keys of ``PLOTLY_DASH``."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ..settings import Project

OWN = "DASH_PIPE"
DPD = "PLOTLY_DASH"  # the setting of django-plotly-dash
DPD_APP = "django_plotly_dash"
NAMES = (OWN, DPD, "FORCE_SCRIPT_NAME", "CHANNEL_LAYERS", "SECRET_KEY", "SECRET_KEY_FALLBACKS")
"""The settings of Django that our settings and brokers are made from."""
_LOCAL = (".localhost", "127.0.0.1", "[::1]")  # Django's, with DEBUG and no names
_SHARED = ("ws_route", "http_route", "http_poke_enabled")
_DEFAULTS: dict[str, Any] = {"ws_route": "dpd/ws/channel", "http_route": "dpd/views"}


def project() -> Project:
    """Return the settings of the project, and the base of the endpoint that follows from them."""
    found = {name: (f"the default of {name}", value) for name, value in _DEFAULTS.items()}
    if apps.is_installed(DPD_APP):
        found["dpd_frames"] = (f"{DPD_APP} in INSTALLED_APPS", True)
    if keys := _secret_keys():
        found["token_keys"] = ("SECRET_KEY", keys)
    dpd = _dict_of(DPD)
    found |= {name: (f"{DPD}[{name!r}]", dpd[name]) for name in _SHARED if name in dpd}
    found |= {name: (f"{OWN}[{name!r}]", value) for name, value in _dict_of(OWN).items()}
    if "url" not in found:
        shown, route = found["ws_route"]
        prefix = (settings.FORCE_SCRIPT_NAME or "").rstrip("/")
        found["url"] = (shown, f"{prefix}/{str(route).strip('/')}/")
    return found


def allowed_hosts() -> list[str]:
    """Return the names of this server that ``ALLOWED_HOSTS`` has; none if it answers to all."""
    names = settings.ALLOWED_HOSTS or (_LOCAL if settings.DEBUG else ())
    if "*" in names:
        return []
    subdomains = [f"*{name}".lower() for name in names if name.startswith(".")]
    return [*subdomains, *(name.removeprefix(".").lower() for name in names)]


def _secret_keys() -> list[str]:
    """Return the secret keys of the project, newest first; none if it has no key."""
    try:
        return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    except ImproperlyConfigured:  # it is empty, which Django reports where it is needed
        return []


def _dict_of(name: str) -> dict[str, Any]:
    """Return a dict of the project; {} if it is no dict, which ``check_settings`` reports."""
    value = getattr(settings, name, None)
    return value if isinstance(value, dict) else {}
