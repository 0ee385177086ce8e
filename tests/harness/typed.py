"""Docs typed word by word: the steps of a section, which harness/typist.py carries out.

A block of `console` holds commands, after `$`. Any other block is a file: its first line names it
in a comment (`# mysite/views.py`), or the line above names it in backticks (`app.py`). Words in the
paragraph above a block say more: "at the end of" appends, "at the top of" prepends, "one of" types
only the first command. `<!-- not typed -->` above a block leaves it out.
"""

import re
from dataclasses import dataclass
from textwrap import dedent

from harness.server import ROOT

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
NAME = r"([\w./-]+\.(?:conf|css|env|html|py|toml|txt|ya?ml))"
NAMED_INSIDE = re.compile(rf"^(?:#|<!--) {NAME}\b")
NAMED_ABOVE = re.compile(rf"`{NAME}`")
COMMENT = re.compile(r"\s{2,}#.*$")
LEFT_OUT = "<!-- not typed -->"
PLACES = {"at the end of": "end", "at the top of": "top"}


@dataclass(frozen=True)
class Command:
    """A line for the shell."""

    line: str


@dataclass(frozen=True)
class File:
    """Text for a file: all of it, or more at its end or top."""

    name: str
    text: str
    place: str = "all"


class UntypeableError(AssertionError):
    """A block of the docs is neither a command nor a file with a name."""


def steps(document: str, heading: str = "") -> list[Command | File]:
    """Return what a reader types who follows a section; without a heading, the whole document."""
    text = section((ROOT / document).read_text(encoding="utf-8"), heading)
    found: list[Command | File] = []
    above = 0
    for fence in FENCE.finditer(text):
        paragraph = last_paragraph(text[above : fence.start()])
        above = fence.end()
        _, language, body = fence.groups()
        if LEFT_OUT in paragraph:
            continue
        if language == "console":
            typed = [Command(line) for line in commands(body)]
            found += typed[:1] if "one of" in paragraph.lower() else typed
        else:
            found.append(file(paragraph, dedent(body)))
    return found


def section(text: str, heading: str) -> str:
    """Return the text below a heading, up to the next one of its level or above."""
    if not heading:
        return text
    outside = FENCE.sub(lambda fence: "x" * len(fence[0]), text)  # `# a comment` is no heading
    start = re.search(rf"^(#+) {re.escape(heading)}$", outside, re.MULTILINE)
    assert start, f"no heading {heading!r}"
    end = re.compile(rf"^#{{1,{len(start[1])}}} ", re.MULTILINE).search(outside, start.end())
    return text[start.end() : end.start() if end else None]


def last_paragraph(text: str) -> str:
    """Return the last lines of a text that belong together."""
    return re.split(r"\n\s*\n", text.strip())[-1]


def commands(body: str) -> list[str]:
    """Return the commands of a console, without their comments and what they print."""
    lines = [line.strip() for line in body.splitlines()]
    return [COMMENT.sub("", line[2:]) for line in lines if line.startswith("$ ")]


def file(paragraph: str, body: str) -> File:
    """Return the file that a block is."""
    inside, above = NAMED_INSIDE.search(body), NAMED_ABOVE.findall(paragraph)
    if not inside and not above:
        raise UntypeableError(f"no file is named above {body!r}, nor is {LEFT_OUT!r}")
    place = next((PLACES[words] for words in PLACES if words in paragraph.lower()), "all")
    return File(inside[1] if inside else above[-1], body, place)
