"""The version of the distribution; everything else is in pyproject.toml."""

import json
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
# package.json is the one place where the version stands. An sdist carries only its generated copy.
SOURCES = (HERE / "package.json", HERE / "dash_pipe" / "package-info.json")


def version() -> str:
    """Return the version from the first source that exists."""
    source = next(path for path in SOURCES if path.exists())
    return str(json.loads(source.read_text(encoding="utf-8"))["version"])


setup(version=version())
