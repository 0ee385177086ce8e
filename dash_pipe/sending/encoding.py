"""Encode the value of a message as JSON."""

from __future__ import annotations

import reprlib
import sys
from typing import Any

from ..errors import InvalidMessageError

_BYTES = (bytes, bytearray)


def encode(value: object) -> str:
    """Encode a value as Dash encodes a callback's return value, and a DataFrame as its records.

    Dash calls ``plotly.io.json.to_json_plotly`` for that (``dash._utils.to_json``).

    Raises:
        InvalidMessageError: the value can't be encoded.
    """
    try:
        try:
            return _encode(value)
        except TypeError:
            if not any(map(_is_frame, _parts(value))):
                raise
            return _encode(_with_records(value))
    except Exception as error:  # user objects may raise whatever they like while encoded
        raise InvalidMessageError(
            "value",
            f"expected what a Dash callback may return, got {described(value)}, which can't be "
            f"encoded as JSON ({type(error).__name__}: {error}); {_advice(value)}",
        ) from error


def described(value: object) -> str:
    """Return the type and a short form of any value, for an error."""
    try:
        shown = reprlib.repr(value)
    except Exception:  # a number of more digits than Python prints
        return f"{type(value).__name__} that can't be shown"
    return f"{type(value).__name__} {shown}"


def _encode(value: object) -> str:
    from plotly.io.json import to_json_plotly  # late: it is heavy, and a listener never needs it

    text: str = to_json_plotly(value)
    text.encode()  # a lone surrogate can't travel
    return text


def _advice(value: object) -> str:
    if any(isinstance(part, _BYTES) for part in _parts(value)):
        return "decode bytes to text first, with value.decode()"
    return "send plain data, for example value.to_dict() or str(value)"


def _parts(value: object) -> list[Any]:
    """Return a value and what a list or a dict has in it, but not what is in those."""
    if isinstance(value, dict):
        return [value, *value, *value.values()]
    return [value, *value] if isinstance(value, list | tuple) else [value]


def _is_frame(value: object) -> bool:
    """Return whether a value is a DataFrame of pandas. Without pandas there is none."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def _with_records(value: Any) -> Any:
    """Replace the DataFrames among the parts of a value by lists of records."""
    if isinstance(value, dict):
        return {key: _records(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_records(part) for part in value]
    return _records(value)


def _records(part: Any) -> Any:
    return part.to_dict("records") if _is_frame(part) else part
