"""Check our settings in Django's system checks, so before anything is served."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from .. import brokers
from ..brokers import Broker
from ..errors import SettingError
from ..settings import Settings, resolve
from .conf import OWN, project

_DOCS = "docs/settings.md lists the settings and their values."


def check_settings(**_: Any) -> list[CheckMessage]:
    """Return E001 if the settings are no dict, or one is unknown or of the wrong kind."""
    if not isinstance(getattr(settings, OWN, {}), dict):
        kind = type(settings.DASH_PIPE).__name__
        return [_error("E001", f"{OWN}: expected a dict of settings, got {kind}", _DOCS)]
    try:
        resolve({}, os.environ, project()).load()
    except SettingError as error:
        return [_error("E001", str(error), _DOCS)]
    return []


def check_broker(**_: Any) -> list[CheckMessage]:
    """Return what would fail at the first message.

    E002: no broker has such a URL. E003: the project has no such channel layer. E004: the broker's
    package is not installed.
    """
    try:
        found: Settings = resolve({}, os.environ, project())
    except SettingError:
        return []  # check_settings reports it
    if isinstance(found.broker, Broker):
        return []
    scheme, alias = urlsplit(found.broker)[:2]
    if not brokers.is_known(found.broker):
        hint = "Use memory://, redis://host:port/0, or channels://default."
        return [_error("E002", f"broker: expected the URL of a broker, got {found.broker!r}", hint)]
    try:
        brokers.check(found.broker)
    except SettingError as error:
        hint = "Install it in the environment of this project, or set another broker."
        return [_error("E004", str(error), hint)]
    layers = getattr(settings, "CHANNEL_LAYERS", {})
    if scheme == "channels" and (alias or "default") not in layers:
        names = ", ".join(sorted(layers)) or "no layer"
        hint = f"CHANNEL_LAYERS has {names}; name one of its keys."
        return [_error("E003", f"broker: {found.broker!r} names no channel layer", hint)]
    return []


def check_poke(**_: Any) -> list[CheckMessage]:
    """Return W001 if a deployed project lets programs publish over HTTP without a token."""
    try:
        found = resolve({}, os.environ, project())
    except SettingError:
        return []  # check_settings reports it
    if settings.DEBUG or not found.http_poke_enabled or found.http_poke_token is not None:
        return []
    return [
        checks.Warning(
            "http_poke_enabled without http_poke_token: every program on this machine may publish, "
            "and so may everybody behind a proxy that adds no X-Forwarded-For",
            hint="Set http_poke_token, and send 'Authorization: Bearer <token>'; see docs/poke.md.",
            id="dash_pipe.W001",
        )
    ]


def _error(number: str, message: str, hint: str) -> CheckMessage:
    return Error(message, hint=hint, id=f"dash_pipe.{number}")
