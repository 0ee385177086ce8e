"""The wheel under test, and the checkout of which it was built."""

import os
from pathlib import Path

import pytest

from harness.distribution import build, checkout


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    return checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def wheel(request, tmp_path_factory):
    """Return the wheel that `WHEEL` names, or build one; the sdist is next to it."""
    if named := os.environ.get("WHEEL"):
        return Path(named).resolve(strict=True)
    return build(request.getfixturevalue("source"), tmp_path_factory.mktemp("dist"))
