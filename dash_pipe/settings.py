"""The table of settings: one line each, from a keyword, the environment, or the default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from .errors import SettingError

PREFIX = "DASH_PIPE_"


class _Text(NamedTuple):
    """The kind of a setting that is a text of a certain form; a secret one is never shown."""

    form: str
    expected: str
    secret: bool = False


_BOOLEANS = dict.fromkeys(("1", "true", "yes", "on"), True)
_BOOLEANS |= dict.fromkeys(("0", "false", "no", "off"), False)

Kind = type | _Text
Kinds = dict[str, Kind]

_ROUTE = _Text(r"/?[\w.~/-]+", "a path such as /hooks, of letters, digits and -._~/")
# What may follow "Bearer" in a header; so there is nothing to encode on the way.
_TOKEN = _Text(r"[A-Za-z0-9._~+/-]+=*", "letters, digits and -._~+/, at least one", secret=True)


def _setting(default: Any, doc: str, kind: Kind | None = None) -> Any:
    shown = not isinstance(kind, _Text) or not kind.secret
    return field(default=default, repr=shown, metadata={"doc": doc, "kind": kind or type(default)})


@dataclass(frozen=True)
class Settings:
    """Every setting of dash-pipe.

    Each is a keyword of ``dash_pipe.configure()`` and an environment variable ``DASH_PIPE_<NAME>``
    in capitals (a list with commas, yes or no as 1 or 0); the keyword wins. Sizes
    are bytes, times are seconds.
    """

    broker: str = _setting("memory://", "who keeps the messages: a URL")
    max_message_bytes: int = _setting(64 * 1024, "the largest message, as JSON")
    window_messages: int = _setting(10_000, "how many messages a channel keeps")
    window_bytes: int = _setting(4 * 2**20, "how many bytes of messages a channel keeps")
    window_seconds: float = _setting(3600.0, "how long a channel keeps a message")
    kept_labels: int = _setting(256, "for how many labels a channel keeps the newest message")
    kept_seconds: float = _setting(86_400.0, "how long it keeps that, and an idle channel's place")
    max_channels: int = _setting(10_000, "how many channels that nobody listens to are kept")
    max_connections: int = _setting(10_000, "how many browsers a process takes")
    heartbeat: float = _setting(25.0, "how often a connection shows a sign of life")
    allowed_origins: tuple[str, ...] = _setting((), "origins of other sites' pages that may listen")
    http_route: str | None = _setting(
        None, "where the server's poke route is, if not in `_pipe`: `<http_route>/poke/`", _ROUTE
    )
    http_poke_enabled: bool = _setting(False, "whether messages may be sent over HTTP")
    http_poke_token: str | None = _setting(
        None, "what who sends over HTTP has to know; without it, only this machine may", _TOKEN
    )


def resolve(keywords: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Settings from keywords, else from the environment, else the defaults.

    Raises:
        SettingError: for a name that is not in the table, or a value of the wrong kind.
    """
    kinds: Kinds = {each.name: each.metadata["kind"] for each in fields(Settings)}
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX):
            values[name] = _parse(variable, _kind(kinds, variable, name), text)
    for name, value in keywords.items():
        values[name] = _check(name, _kind(kinds, name, name), value)
    return Settings(**values)


def _kind(kinds: Kinds, shown: str, name: str) -> Kind:
    if name not in kinds:
        raise SettingError(shown, f"no such setting; the settings are {', '.join(sorted(kinds))}")
    return kinds[name]


def _parse(shown: str, kind: Kind, text: str) -> Any:
    """Read a setting from the text of an environment variable."""
    if kind is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind is bool:
        return _check(shown, kind, _BOOLEANS.get(text.strip().lower(), text))
    try:
        value = text if isinstance(kind, _Text) else kind(text)
    except ValueError:
        raise _unfit(shown, kind, text) from None
    return _check(shown, kind, value)


def _check(shown: str, kind: Kind, value: Any) -> Any:
    """Check a value against the kind of the setting; numbers are above zero."""
    if isinstance(kind, _Text):
        if isinstance(value, str) and re.fullmatch(kind.form, value):
            return value
    elif kind is tuple:
        if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
            return tuple(value)
    elif kind is str:
        if isinstance(value, str) and value:
            return value
    elif kind is bool:
        if isinstance(value, bool):
            return value
    elif type(value) in (kind, int) and 0 < value < 2**53:
        return kind(value)
    raise _unfit(shown, kind, value)


def _unfit(shown: str, kind: Kind, value: Any) -> SettingError:
    if isinstance(kind, _Text):
        came = "something else" if kind.secret else repr(value)
        return SettingError(shown, f"expected {kind.expected}; got {came}")
    expected = {
        str: "a text that is not empty",
        int: "a whole number above 0",
        float: "a number above 0",
        bool: "True or False (in the environment: 1, true, yes, on, or 0, false, no, off)",
        tuple: "a list of texts",
    }
    return SettingError(shown, f"expected {expected[kind]}, got {value!r}")
