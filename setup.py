"""The version and the long description; everything else is in pyproject.toml."""

import json
import re
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
# package.json is the one place where the version stands. An sdist carries only its generated copy.
SOURCES = (HERE / "package.json", HERE / "dash_pipe" / "package-info.json")
LINK = re.compile(r"(?P<image>!?)(?P<text>\[[^\]]*\])\((?!https?:|mailto:|#)(?P<path>[^)]+)\)")


def version() -> str:
    """Return the version from the first source that exists."""
    source = next(path for path in SOURCES if path.exists())
    return str(json.loads(source.read_text(encoding="utf-8"))["version"])


def repository() -> str:
    """Return the name of the repository on GitHub, as `owner/name`."""
    text = (HERE / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^Repository = "https://github\.com/(.+)"$', text, re.MULTILINE)
    assert found, "expected [project.urls] to have a Repository on GitHub"
    return found[1]


def long_description() -> str:
    """Return the README with absolute links, which a package index needs.

    They lead to the files of this version's tag, so that an old release keeps its own docs.
    """
    pages = f"https://github.com/{repository()}/blob/v{version()}"
    images = f"https://raw.githubusercontent.com/{repository()}/v{version()}"

    def absolute(link: re.Match[str]) -> str:
        site = images if link["image"] else pages
        return f"{link['image']}{link['text']}({site}/{link['path']})"

    return LINK.sub(absolute, (HERE / "README.md").read_text(encoding="utf-8"))


setup(
    version=version(),
    long_description=long_description(),
    long_description_content_type="text/markdown",
)
