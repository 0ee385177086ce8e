"""The kinds of settings: which values each takes, and how its text in the environment is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, NamedTuple

from ..brokers import Broker
from ..brokers.url import is_url, without_password
from ..protocol.address import EXAMPLE, PAGE_SOCKET, endpoint_base
from .function_path import FunctionPath
from .origins import parse_host, parse_origin
from .patterns import parse_pattern


class Kind(NamedTuple):
    """The values that a setting takes.

    Attributes:
        expected: describes them, for an error.
        fits: returns whether a value is one of them.
        read: converts the text of an environment variable; raises if it can't.
        keep: converts a value to the form that the table holds.
        secret: values are never shown.
        shown: formats a value for a log or an error.
        hint: says what to write in place of a value that does not fit; mostly nothing.
    """

    expected: str
    fits: Callable[[Any], bool]
    read: Callable[[str], Any] = str
    keep: Callable[[Any], Any] = lambda value: value
    secret: bool = False
    shown: Callable[[Any], str] = repr
    hint: Callable[[Any], str] = lambda value: ""


def _matches(pattern: str) -> Callable[[Any], bool]:
    form = re.compile(pattern)
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


def _is_strings(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


def _hint(parse: Callable[[str], str]) -> Callable[[Any], str]:
    """Return a function that says what is wrong with the texts of a list; empty if nothing is."""

    def hint(value: Any) -> str:
        try:
            for each in value if _is_strings(value) else ():
                parse(each)
        except ValueError as error:
            return str(error)
        return ""

    return hint


def _parsed(expected: str, parse: Callable[[str], str]) -> Kind:
    """Return the kind of a list of texts that are parsed."""
    hint = _hint(parse)
    return Kind(
        expected,
        lambda value: _is_strings(value) and not hint(value),
        _split,
        lambda value: tuple(parse(each) for each in value),
        hint=hint,
    )


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_keys(value: Any) -> bool:
    return TEXT.fits(value) or (_is_strings(value) and bool(value) and all(value))


def _is_networks(value: Any) -> bool:
    if not _is_strings(value):
        return False
    try:
        return all(each == "unix" or ip_network(each, strict=False) for each in value)
    except ValueError:
        return False


def _is_broker(value: Any) -> bool:
    return isinstance(value, Broker) and not isinstance(value, type)


def _shown_broker(value: Any) -> str:
    """Return a broker without its password; a list or bytes may hold one too."""
    if isinstance(value, str):
        return repr(without_password(value))
    shown = repr(value)
    return f"a {type(value).__name__}" if "@" in shown and not _is_broker(value) else shown


def _base(value: str) -> str:
    return value if value == PAGE_SOCKET else endpoint_base(value)


def _is_base(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(_base(value))
    except ValueError:
        return False


_BOOLEANS = dict.fromkeys(("1", "true", "yes", "on"), True)
_BOOLEANS |= dict.fromkeys(("0", "false", "no", "off"), False)

TEXT = Kind("a string that is not empty", lambda value: isinstance(value, str) and value != "")
BROKER = Kind(
    "a URL such as redis://localhost:6379/0, or a Broker",
    lambda value: (TEXT.fits(value) and is_url(value)) or _is_broker(value),
    shown=_shown_broker,
)
BASE = Kind(f"the base of an endpoint, such as {EXAMPLE} or /app/_pipe/", _is_base, keep=_base)
ORIGINS = _parsed(
    "a list of origins such as https://example.org or https://*.example.org", parse_origin
)
HOSTS = _parsed("a list of hosts such as example.org or *.example.org", parse_host)
PATTERNS = _parsed("a list of patterns such as user-*", parse_pattern)
KEYS = Kind(
    "a key, or a list of keys, newest first",
    _is_keys,
    _split,
    lambda value: (value,) if isinstance(value, str) else tuple(value),
    secret=True,
)
FUNCTION = Kind("a function (in the environment, as module:function)", callable, FunctionPath)
ROUTE = Kind("a path such as /hooks, of letters, digits and -._~/", _matches(r"/?[\w.~/-]+"))
# The characters that may follow "Bearer" in a header, so that a token needs no encoding.
TOKEN = Kind(
    "letters, digits and -._~+/, at least one", _matches("[A-Za-z0-9._~+/-]+=*"), secret=True
)
NETWORKS = Kind(
    "a list of addresses such as 10.0.0.7, networks such as 10.0.0.0/8, or unix",
    _is_networks,
    _split,
    tuple,
)
BY_TYPE: dict[type, Kind] = {  # of the default
    str: TEXT,
    int: Kind("a whole number above 0", lambda v: type(v) is int and 0 < v < 2**53, int),
    float: Kind(
        "a number above 0", lambda v: type(v) in (int, float) and 0 < v < 2**53, float, float
    ),
    bool: Kind(
        "True or False (in the environment: 1, true, yes, on, or 0, false, no, off)",
        lambda value: isinstance(value, bool),
        lambda text: _BOOLEANS[text.strip().lower()],
    ),
    tuple: Kind("a list of strings", _is_strings, _split, tuple),
}
