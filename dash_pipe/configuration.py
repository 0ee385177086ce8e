"""``dash_pipe.configure()``: the typed door to the settings."""

from __future__ import annotations

from dataclasses import fields
from inspect import Parameter, Signature
from typing import TYPE_CHECKING

from . import runtime
from .settings import Settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .settings import Keywords


def configure(**settings: Unpack[Keywords]) -> Settings:
    """Change settings, before the first message is sent or listened to.

    A later call adds to an earlier one. A setting that no call names comes from its environment
    variable ``DASH_PIPE_<NAME>``, else from its default.

    Returns:
        The settings in force.

    Raises:
        SettingError: a name is unknown, a value is of the wrong kind, or messages are already
            under way with other settings.
    """
    return runtime.current().configure(**settings)


def _documented() -> str:
    """Return the docstring with a line for each setting of the table."""
    lines = [
        f"        {each.name} ({each.type}): {each.metadata['doc']}"
        + (f"; {each.default!r} by default." if each.default not in (None, ()) else ".")
        for each in fields(Settings)
    ]
    before, returns, after = (configure.__doc__ or "").partition("    Returns:")
    return before + "\n".join(["    Args:", *lines, "", f"{returns}{after}"])


class _Unset:
    """Stand for "not named" in the signature that people read."""

    def __repr__(self) -> str:
        return "..."


_UNSET = _Unset()
# Notebooks and help() read the signature of the running function, and can't expand ``Keywords``.
configure.__doc__ = _documented()
configure.__signature__ = Signature(  # type: ignore[attr-defined]
    [
        Parameter(each.name, Parameter.KEYWORD_ONLY, default=_UNSET, annotation=each.type)
        for each in fields(Settings)
    ],
    return_annotation="Settings",
)
