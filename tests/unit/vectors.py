"""The vectors of the protocol, which every implementation reads."""

import json
from pathlib import Path
from typing import Any

import pytest

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "protocol.json").read_text("utf-8"))


def vectors(section: str) -> Any:
    """Parametrize a test with the vectors of a section, as ``vector``."""
    return pytest.mark.parametrize(
        "vector", [pytest.param(each, id=each["name"]) for each in VECTORS[section]]
    )
