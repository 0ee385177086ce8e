"""A page of recipes in docs/: its sections, and the code of each."""

import re
from pathlib import Path

from harness.server import ROOT

CODE = re.compile(r"```python\n(.+?)```", re.DOTALL)


class Recipes:
    """The recipes of a page, by their headings."""

    def __init__(self, document: str) -> None:
        self.document = document
        self._text = (ROOT / document).read_text(encoding="utf-8")
        found = re.findall(r"^## (.+?)\n(.+?)(?=^## |\Z)", self._text, re.MULTILINE | re.DOTALL)
        self._sections: dict[str, str] = dict(found)

    def code(self, heading: str) -> str:
        """Return the code of a recipe."""
        (block,) = CODE.findall(self._sections[heading])
        return str(block)

    def untested(self, module: Path) -> set[str]:
        """Return the headings of recipes that a test module does not name."""
        named = set(re.findall(r'"([^"\n]+)"', module.read_text(encoding="utf-8")))
        with_code = {heading for heading, text in self._sections.items() if CODE.search(text)}
        return with_code - named

    def unlisted(self) -> set[str]:
        """Return the anchors that only the list at the top has, or only the headings."""
        listed = re.findall(r"^\* \[.+?\]\(#(.+)\)$", self._text, re.MULTILINE)
        return set(listed) ^ {anchor(heading) for heading in self._sections}


def anchor(heading: str) -> str:
    """Return what GitHub makes of a heading in a link."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
