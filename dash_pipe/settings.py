"""The table of settings: one line each, from a keyword, the environment, or the default."""

from __future__ import annotations

import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .errors import SettingError

PREFIX = "DASH_PIPE_"
Kinds = dict[str, type]

Authorize = Callable[[Any, str, "list[str] | None"], "bool | Awaitable[bool]"]
"""``(request, channel, labels) -> bool``, sync or async: may this browser listen there?"""


class _Hook:
    """The kind of a setting that is a function; the environment names it as ``module:function``."""


def _setting(default: Any, doc: str, kind: type | None = None) -> Any:
    return field(default=default, metadata={"doc": doc, "kind": kind or type(default)})


@dataclass(frozen=True)
class Settings:
    """Every setting of dash-pipe.

    Each is a keyword of ``dash_pipe.configure()`` and an environment variable ``DASH_PIPE_<NAME>``
    in capitals (a list with commas); the keyword wins. Sizes are bytes, times are seconds.
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
    authorize: Authorize | None = _setting(
        None, "a function that says who may listen where", kind=_Hook
    )
    url: str | None = _setting(
        None, "where browsers find the endpoint, if not below the app", kind=str
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


def _kind(kinds: Kinds, shown: str, name: str) -> type:
    if name not in kinds:
        raise SettingError(shown, f"no such setting; the settings are {', '.join(sorted(kinds))}")
    return kinds[name]


def _parse(shown: str, kind: type, text: str) -> Any:
    """Read a setting from the text of an environment variable."""
    if kind is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    read = pkgutil.resolve_name if kind is _Hook else kind
    try:
        value = read(text)
    except (ValueError, ImportError, AttributeError) as error:
        raise _unfit(shown, kind, text) from error
    return _check(shown, kind, value)


def _check(shown: str, kind: type, value: Any) -> Any:
    """Check a value against the kind of the setting's default; numbers are above zero."""
    if kind is tuple:
        if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
            return tuple(value)
    elif kind is _Hook:
        if callable(value):
            return value
    elif kind is str:
        if isinstance(value, str) and value:
            return value
    elif type(value) in (kind, int) and 0 < value < 2**53:
        return kind(value)
    raise _unfit(shown, kind, value)


def _unfit(shown: str, kind: type, value: Any) -> SettingError:
    expected = {
        str: "a text that is not empty",
        int: "a whole number above 0",
        float: "a number above 0",
        tuple: "a list of texts",
        _Hook: "a function (in the environment, as module:function)",
    }
    return SettingError(shown, f"expected {expected[kind]}, got {value!r}")
