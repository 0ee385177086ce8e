"""The glossary of docs/architecture.md against the names in dash_pipe/."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import dash_pipe

PACKAGE = Path(dash_pipe.__file__).parent
GENERATED = {"Pipe.py", "_imports_.py"}
TEXT = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8")
GLOSSARY = dict(re.findall(r"^\* \*\*(.+?)\*\*: (.+)$", TEXT.split("\n## Glossary\n")[1], re.M))
WORDS = """
    Pipe, channel, label, offset, epoch, past, position, head, recovered, replay, log, window,
    losses, hub, session, subscription, transport, delivery, guard, runtime, takeover, poke, broker,
    mirror, retention, framing, rejection, permission, denied,
    diagnostics, source, lease, audience, listeners, coordinator, family, relay, per process
"""

# Words that no identifier may contain, each with its replacement.
REPLACED = {
    "asked": "open_for_authorize, or pending_authorization",
    "asking": "open_request",
    "bell": "wakeup",
    "conduct": "run_calls",
    "decided": "resolve_authorization",
    "desk": "Subscriptions",
    "expel": "disconnect",
    "following": "retention, or continues",
    "former": "dpd_",
    "grown": "on_append",
    "heirloom": "after_fork_in_child",
    "heirlooms": "after_fork_in_child",
    "interview": "AppCalls",
    "late": "timed_out",
    "legacy": "dpd_",
    "lingering": "idle",
    "outlet": "Transport",
    "patience": "queue_timeout",
    "permit": "authorize",
    "place": "position",
    "question": "authorization",
    "questions": "authorizations",
    "refusal": "Rejection, or error_response",
    "refuse": "reject, or deny",
    "refused": "rejected, or error_response",
    "resident": "PerProcess",
    "vacant": "idle",
    "wire": "framing",
}
# Identifiers that were renamed; other names may contain their words.
REPLACED_NAMES = {
    "BrokerUnavailable": "BrokerUnavailableError",
    "FormerHub": "DpdHub",
    "Reach": "Diagnostics",
    "Unanswered": "CallTimedOut, or AuthorizationTimeout",
    "max_channels": "max_idle_channels",
}


def identifiers() -> Iterator[tuple[str, str]]:
    """Yield each name in the code of the package with its file; prose has none."""
    for path in PACKAGE.rglob("*.py"):
        if path.name in GENERATED:
            continue
        shown = path.relative_to(PACKAGE).as_posix()
        yield from ((part, shown) for part in Path(shown).with_suffix("").parts)
        with io.StringIO(path.read_text("utf-8")) as source:
            for token in tokenize.generate_tokens(source.readline):
                if token.type == tokenize.NAME:
                    yield token.string, shown


def parts(name: str) -> str:
    """Split a name in snake or camel case: ``PerProcess`` is " per process "."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return f" {' '.join(words).lower()} "


NAMES = {parts(name): (name, file) for name, file in identifiers()}


def test_glossary_lists_every_word_once_in_one_line() -> None:
    assert list(GLOSSARY) == [word.strip() for word in WORDS.split(",")]
    assert all(meaning.endswith(".") for meaning in GLOSSARY.values())


@pytest.mark.parametrize("word", GLOSSARY)
def test_word_of_the_glossary_is_a_name_in_the_code(word: str) -> None:
    assert any(f" {word.lower()} " in name for name in NAMES), f"no name contains {word}"


@pytest.mark.parametrize("word", REPLACED)
def test_replaced_word_is_in_no_name(word: str) -> None:
    found = {where for name, where in NAMES.items() if f" {word} " in name}
    assert not found, f"{found}: write {REPLACED[word]} instead of {word}"


def test_replaced_name_is_used_nowhere() -> None:
    used = {name for name, _ in identifiers()}
    assert used.isdisjoint(REPLACED_NAMES)


def test_names_are_split_and_prose_is_not_read() -> None:
    assert parts("PerProcess") == " per process "
    assert parts("after_fork_in_child") == " after fork in child "
    assert parts("HTTPRequest2") == " http request "
    assert parts("_MAX_IDS") == " max ids "
    assert " per process " in NAMES
    assert not any("glossary" in name for name in NAMES)
