"""Links and quoted messages of the docs: links lead somewhere, messages exist."""

import re
from pathlib import Path

import pytest

from harness.recipes import anchor

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md")])
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
SOURCES = ("dash_pipe/**/*.py", "src/**/*.ts")
OTHERS = ('"dash_pipe" is not a registered library',)  # Dash's


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target, heading in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name}: {target}"
        assert not heading or heading in anchors(file), f"{page.name}: {target}#{heading}"


def test_every_page_is_listed_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for page in ROOT.glob("docs/*.md"):
        assert f"](docs/{page.name})" in readme


def test_every_attack_in_security_names_a_test_that_exists() -> None:
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        for file, test in named:
            assert f"def {test}(" in (ROOT / file).read_text("utf-8"), test


def test_messages_in_troubleshooting_are_ours() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    sources = [file.read_text("utf-8") for pattern in SOURCES for file in ROOT.glob(pattern)]
    columns = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")]
    ticked = {quote for column in columns for quote in re.findall(r"`([^`]+)`", column)}
    quoted = {quote for quote in ticked if " " in quote}
    assert len(quoted) > 5
    for quote in quoted - {*OTHERS}:
        assert any(quote in source for source in sources), quote
