"""Check that a tag can be released, and print the notes of the release.

A tag is `v` and the version in `package.json`, and `CHANGELOG.md` has a section for that version.
Without a tag the notes are those of the section `Unreleased`.
"""

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class ReleaseError(Exception):
    """The tag, the version and the changelog do not fit together."""


def section(changelog: str, title: str) -> str:
    """Return the text of a section of the changelog, without its heading.

    Raises:
        ReleaseError: The changelog has no such section, or an empty one.
    """
    heading = rf"^## \[?{re.escape(title)}\]?(?: - \d{{4}}-\d\d-\d\d)?$"
    found = re.search(rf"{heading}\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        raise ReleaseError(f"expected CHANGELOG.md to have a section '## {title}' with text in it")
    return found[1].strip()


def notes(tag: str, version: str, changelog: str) -> str:
    """Return the notes for a tag; without a tag those of the section ``Unreleased``.

    Raises:
        ReleaseError: The tag does not fit the version, or the changelog has nothing about it.
    """
    if tag and tag != f"v{version}":
        raise ReleaseError(f"package.json says {version}: expected the tag v{version}, got {tag}")
    return section(changelog, version if tag else "Unreleased")


def main() -> None:
    """Print the notes of a release; fail if the tag can't be released."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--tag", default="", help="such as v0.1.0; without it, the section Unreleased"
    )
    version = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    try:
        print(notes(parser.parse_args().tag, version, changelog))
    except ReleaseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
