"""The check before a release, and its notes."""

import pytest

from tools.release import ReleaseError, notes

CHANGELOG = """\
# Changelog

## Unreleased

- Not yet.

## 0.2.0 - 2030-01-31

### Added

- A thing.

## 0.1.0

"""


def test_notes_of_a_tag_return_its_section() -> None:
    assert notes("v0.2.0", "0.2.0", CHANGELOG) == "### Added\n\n- A thing."


def test_notes_without_a_tag_return_the_unreleased_section() -> None:
    assert notes("", "0.2.0", CHANGELOG) == "- Not yet."


@pytest.mark.parametrize(
    ("tag", "version", "message"),
    [
        ("v0.3.0", "0.2.0", r"package\.json says 0\.2\.0: expected the tag v0\.2\.0, got v0\.3\.0"),
        ("v0.3.0", "0.3.0", r"a section '## 0\.3\.0'"),
        ("v0.1.0", "0.1.0", "with text in it"),
    ],
    ids=["other-version", "no-section", "empty-section"],
)
def test_notes_of_an_invalid_tag_raise(tag: str, version: str, message: str) -> None:
    with pytest.raises(ReleaseError, match=message):
        notes(tag, version, CHANGELOG)
