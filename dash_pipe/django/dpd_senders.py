"""Warn of the senders of django-plotly-dash where no Pipe of ours hears them.

They send to the channel layer. Our endpoint hears it only with the broker ``channels://``; pages of
django-plotly-dash hear it only if its own routing serves them.
"""

from __future__ import annotations

import functools
import sys
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.urls import get_resolver

from .. import runtime
from ..brokers.url import without_password
from ..errors import SettingError
from ..settings import Settings
from ..telemetry.events import log_event
from .conf import DPD_APP as PACKAGE

SENDERS = ("send_to_pipe_channel", "async_send_to_pipe_channel")
REMEDY = (
    'import it from dash_pipe.django instead, or set DASH_PIPE = {"broker": "channels://default"}'
)


def watch() -> None:
    """Have the log warn when one of the senders is called."""
    if apps.is_installed(PACKAGE):
        with suppress(ImportError):  # Channels is not installed, so nothing can be sent
            _watch(import_module(f"{PACKAGE}.consumers"))


def _watch(consumers: Any) -> None:
    """Replace what each sender calls first; a module may have imported the senders already."""
    get_channel_layer = getattr(consumers, "get_channel_layer", None)
    if get_channel_layer is None:
        return

    @functools.wraps(get_channel_layer)
    def get_channel_layer_and_warn(*args: Any, **kwargs: Any) -> Any:
        current = runtime.current()
        with suppress(SettingError):  # the checks report it
            if broker := _deaf_broker(current.settings):
                current.diagnostics.warn_once(
                    f"dash-pipe: send_to_pipe_channel of {PACKAGE} was called, and no Pipe hears "
                    f"it: the broker is {broker}; {REMEDY}",
                    log_event("sender_unheard"),
                )
        return get_channel_layer(*args, **kwargs)

    consumers.get_channel_layer = get_channel_layer_and_warn


def check_senders(**_: Any) -> list[checks.CheckMessage]:
    """Return W002 if modules of the project have imported a sender that no Pipe hears."""
    try:
        broker = _deaf_broker(runtime.current().settings)
    except SettingError:
        return []  # check_settings reports it
    with suppress(Exception):  # Django's own checks report a broken URLconf
        _ = get_resolver().url_patterns  # it imports the views, which send
    modules = ", ".join(_modules_with_senders())
    if not broker or not modules:
        return []
    message = (
        f"send_to_pipe_channel of {PACKAGE} is imported by {modules}, and no Pipe hears it: the "
        f"broker is {broker}"
    )
    return [checks.Warning(message, hint=f"{REMEDY[0].upper()}{REMEDY[1:]}.", id="dash_pipe.W002")]


def _deaf_broker(found: Settings) -> str:
    """Return the broker if it does not hear the channel layer; "" if it or the old routing does."""
    if str(getattr(settings, "ASGI_APPLICATION", "")).startswith(f"{PACKAGE}."):
        return ""
    if not isinstance(found.broker, str):
        return type(found.broker).__name__
    is_layer = urlsplit(found.broker).scheme == "channels"
    return "" if is_layer else without_password(found.broker)


def _modules_with_senders() -> list[str]:
    """Return the names of the modules that have imported a sender."""
    consumers = sys.modules.get(f"{PACKAGE}.consumers")
    senders = {id(getattr(consumers, name, None)) for name in SENDERS} - {id(None)}
    return sorted(
        name
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType)
        and name.partition(".")[0] != PACKAGE
        and any(id(value) in senders for value in list(vars(module).values()))
    )
