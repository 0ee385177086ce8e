"""The table of settings: one line each, from a keyword, the environment, Django, or the default."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from .errors import SettingError

PREFIX = "DASH_PIPE_"

Authorize = Callable[..., "bool | Awaitable[bool]"]
"""``(request, channel, labels) -> bool``, sync or async: may this browser listen there?

One with a parameter ``token`` is given that of the Pipe, too.
"""


Project = Mapping[str, "tuple[str, Any]"]
"""The settings of a framework's project: by name, what an error calls them, and their values."""


class Kind(NamedTuple):
    """What values a setting takes.

    Attributes:
        expected: what they are, in words.
        fits: whether a value is one.
        read: makes one of the text of an environment variable, or raises.
        keep: makes of one what the table holds.
        secret: they are never shown.
        shown: makes of one what may be read by anybody.
    """

    expected: str
    fits: Callable[[Any], bool]
    read: Callable[[str], Any] = str
    keep: Callable[[Any], Any] = lambda value: value
    secret: bool = False
    shown: Callable[[Any], str] = repr


def _form(pattern: str) -> Callable[[Any], bool]:
    form = re.compile(pattern)
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


def _texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


_BOOLEANS = dict.fromkeys(("1", "true", "yes", "on"), True)
_BOOLEANS |= dict.fromkeys(("0", "false", "no", "off"), False)

_TEXT = Kind("a text that is not empty", lambda value: isinstance(value, str) and value != "")
_KINDS: dict[type, Kind] = {  # by the type of the default
    str: _TEXT,
    int: Kind("a whole number above 0", lambda v: type(v) is int and 0 < v < 2**53, int),
    float: Kind(
        "a number above 0", lambda v: type(v) in (int, float) and 0 < v < 2**53, float, float
    ),
    bool: Kind(
        "True or False (in the environment: 1, true, yes, on, or 0, false, no, off)",
        lambda value: isinstance(value, bool),
        lambda text: _BOOLEANS[text.strip().lower()],
    ),
    tuple: Kind("a list of texts", _texts, _split, tuple),
}
_BROKER = _TEXT._replace(shown=lambda url: repr(without_password(url)))
_FUNCTION = Kind(
    "a function (in the environment, as module:function)", callable, pkgutil.resolve_name
)
_ROUTE = Kind("a path such as /hooks, of letters, digits and -._~/", _form(r"/?[\w.~/-]+"))
# What may follow "Bearer" in a header; so there is nothing to encode on the way.
_TOKEN = Kind(
    "letters, digits and -._~+/, at least one", _form("[A-Za-z0-9._~+/-]+=*"), secret=True
)


def _setting(default: Any, doc: str, kind: Kind | None = None) -> Any:
    kind = kind or _KINDS[type(default)]
    return field(default=default, repr=not kind.secret, metadata={"doc": doc, "kind": kind})


@dataclass(frozen=True, repr=False)
class Settings:
    """Every setting of dash-pipe.

    Each is a keyword of ``dash_pipe.configure()`` and an environment variable ``DASH_PIPE_<NAME>``
    in capitals (a list with commas, yes or no as 1 or 0), and in Django a key of ``DASH_PIPE``. The
    keyword wins, then the environment. Sizes are bytes, times are seconds.
    """

    broker: str = _setting("memory://", "who keeps the messages: a URL", _BROKER)
    send_timeout: float = _setting(2.0, "how long a sender tries while the broker is away")
    max_message_bytes: int = _setting(64 * 1024, "the largest message, as JSON")
    window_messages: int = _setting(10_000, "how many messages a channel keeps")
    window_bytes: int = _setting(4 * 2**20, "how many bytes of messages a channel keeps")
    window_seconds: float = _setting(3600.0, "how long a channel keeps a message")
    kept_labels: int = _setting(256, "for how many labels a channel keeps the newest message")
    kept_seconds: float = _setting(86_400.0, "how long it keeps that, and an idle channel's place")
    max_idle_channels: int = _setting(10_000, "how many channels that nobody listens to are kept")
    max_connections: int = _setting(10_000, "how many browsers a process takes")
    heartbeat_interval: float = _setting(25.0, "how often a connection shows a sign of life")
    poll_interval: float = _setting(2.0, "how often a browser asks where it has no websocket")
    allowed_origins: tuple[str, ...] = _setting((), "origins of other sites' pages that may listen")
    authorize: Authorize | None = _setting(
        None, "a function that says who may listen where", _FUNCTION
    )
    authorize_timeout: float = _setting(10.0, "how long it, or a hook of Dash's, may take to say")
    url: str | None = _setting(
        None, "where browsers find the endpoint, if not below the app", _TEXT
    )
    ws_route: str = _setting("dpd/ws/channel", "in Django, where the websocket is served", _ROUTE)
    http_route: str | None = _setting(
        None, "where the server's poke route is, if not in `_pipe`: `<http_route>/poke/`", _ROUTE
    )
    http_poke_enabled: bool = _setting(False, "whether messages may be sent over HTTP")
    http_poke_token: str | None = _setting(
        None, "what who sends over HTTP has to know; without it, only this machine may", _TOKEN
    )

    def __repr__(self) -> str:
        shown = [
            f"{each.name}={each.metadata['kind'].shown(getattr(self, each.name))}"
            for each in fields(self)
            if each.repr
        ]
        return f"Settings({', '.join(shown)})"


_NO_PROJECT: Project = MappingProxyType({})
_TABLE: dict[str, Kind] = {each.name: each.metadata["kind"] for each in fields(Settings)}


def without_password(url: str) -> str:
    """A broker's URL as it may be shown; of one that can't be read only the scheme."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where a password was not escaped
    except ValueError:
        return f"{url.partition(':')[0]}:..."
    user, at, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    query = "..." if parts.query else ""  # which may name a password too
    return urlunsplit(parts._replace(netloc=f"{name}:...@{host}" if at else host, query=query))


def resolve(
    keywords: Mapping[str, Any], environ: Mapping[str, str], project: Project = _NO_PROJECT
) -> Settings:
    """Settings from keywords, else the environment, else a project's settings, else the defaults.

    A project may write any value as the text that would stand in the environment.

    Raises:
        SettingError: for a name that is not in the table, or a value of the wrong kind.
    """
    values: dict[str, Any] = {}
    for name, (shown, value) in project.items():
        kind = _kind(shown, name)
        is_text = isinstance(value, str) and not kind.fits(value)
        values[name] = (_parse if is_text else _check)(shown, kind, value)
    for variable, text in environ.items():
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX):
            values[name] = _parse(variable, _kind(variable, name), text)
    for name, value in keywords.items():
        values[name] = _check(name, _kind(name, name), value)
    return Settings(**values)


def _kind(shown: str, name: str) -> Kind:
    if name not in _TABLE:
        raise SettingError(shown, f"no such setting; the settings are {', '.join(sorted(_TABLE))}")
    return _TABLE[name]


def _parse(shown: str, kind: Kind, text: str) -> Any:
    """Read a setting from the text of an environment variable."""
    try:
        value = kind.read(text)
    except (ValueError, LookupError, ImportError, AttributeError) as error:
        raise _unfit(shown, kind, text) from error
    return _check(shown, kind, value)


def _check(shown: str, kind: Kind, value: Any) -> Any:
    if not kind.fits(value):
        raise _unfit(shown, kind, value)
    return kind.keep(value)


def _unfit(shown: str, kind: Kind, value: Any) -> SettingError:
    came = "something else" if kind.secret else repr(value)
    return SettingError(shown, f"expected {kind.expected}, got {came}")
