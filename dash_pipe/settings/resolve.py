"""Resolve the settings: keywords win over the environment, which wins over a project's."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from ..errors import SettingError
from .function_path import FunctionPath
from .kinds import Kind
from .table import TABLE, Settings

PREFIX = "DASH_PIPE_"

Project = Mapping[str, "tuple[str, Any]"]
"""The settings of a framework's project: by name, how an error names each, and its value."""

_NO_PROJECT: Project = MappingProxyType({})


def resolve(
    keywords: Mapping[str, Any], environ: Mapping[str, str], project: Project = _NO_PROJECT
) -> Settings:
    """Return the settings from keywords, the environment, a project's settings and the defaults.

    A project may write any value as the text that would stand in the environment.

    Raises:
        SettingError: a name is not in the table, or a value is of the wrong kind.
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
    if name not in TABLE:
        nearest = get_close_matches(name, TABLE, n=1)
        hint = f"did you mean {nearest[0]}? " if nearest else ""
        raise SettingError(
            shown, f"no such setting; {hint}The settings are {', '.join(sorted(TABLE))}"
        )
    return TABLE[name]


def _parse(shown: str, kind: Kind, text: str) -> Any:
    """Read a setting from the text of an environment variable."""
    try:
        value = kind.read(text)
    except (ValueError, LookupError) as error:
        raise _misfit(shown, kind, text) from error
    if isinstance(value, FunctionPath):
        value.setting = shown
    return _check(shown, kind, value)


def _check(shown: str, kind: Kind, value: Any) -> Any:
    if not kind.fits(value):
        raise _misfit(shown, kind, value)
    return kind.keep(value)


def _misfit(shown: str, kind: Kind, value: Any) -> SettingError:
    came = "something else" if kind.secret else kind.shown(value)
    hint = kind.hint(value)
    return SettingError(
        shown, f"expected {kind.expected}, got {came}" + (f"; {hint}" if hint else "")
    )
