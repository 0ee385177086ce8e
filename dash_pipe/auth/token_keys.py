"""Find the keys that sign and verify tokens: those of the settings, else those of the app."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from ..errors import SettingError
from ..runtime import Runtime

Keys = tuple[str | bytes, ...]

_SETTING = "token_keys"
_REMEDY = (
    "set it (DASH_PIPE_TOKEN_KEYS, the same in each process) to a random text, such as that of "
    'python -c "import secrets; print(secrets.token_urlsafe())"'
)


def signing_keys(runtime: Runtime) -> Keys:
    """Return the keys for a new token: the setting's, else those of the app that runs.

    Without an app that runs (while a module makes its layout), the process has to have one app
    with a key.

    Raises:
        SettingError: there is no key, or there are those of several apps.
    """
    if runtime.settings.token_keys:
        return runtime.settings.token_keys
    for server in _running(runtime.servers):
        if keys := _keys_of(server):
            return keys
    found = _keys_of_each(runtime.servers)
    if len(found) > 1:
        raise SettingError(
            _SETTING, f"the apps of this process have different secret keys; {_REMEDY}"
        )
    return next(iter(found), ()) or _missing()


def verifying_keys(runtime: Runtime) -> Keys:
    """Return the keys that may have signed a token: the setting's, else those of all apps.

    Raises:
        SettingError: there is none.
    """
    if runtime.settings.token_keys:
        return runtime.settings.token_keys
    found = tuple(key for each in _keys_of_each(runtime.servers) for key in each)
    return found or _missing()


def _missing() -> Keys:
    raise SettingError(
        _SETTING,
        "tokens of channels need a key, and this process has none: on Flask and Quart the app's "
        f"secret_key, on Django SECRET_KEY, elsewhere this setting; {_REMEDY}",
    )


def _running(servers: Iterable[Any]) -> Iterable[Any]:
    """Yield the server of the application context of this call, if it has our endpoint."""
    known = list(servers)
    for name in ("flask", "quart"):
        framework = sys.modules.get(name)
        if framework is not None and framework.has_app_context():
            server = framework.current_app._get_current_object()
            if any(server is each for each in known):
                yield server


def _keys_of_each(servers: Iterable[Any]) -> list[Keys]:
    """Return the keys of the servers that have any; equal ones once."""
    return [*dict.fromkeys(keys for each in list(servers) if (keys := _keys_of(each)))]


def _keys_of(server: Any) -> Keys:
    """Return the secret key of a Flask or Quart server and the older ones, newest first."""
    key = getattr(server, "secret_key", None)
    if not key:
        return ()
    return (key, *(server.config.get("SECRET_KEY_FALLBACKS") or ()))
