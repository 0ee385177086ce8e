from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_pipe.auth.origin import origin_allowed
from dash_pipe.auth.subscribe_calls import label_sets
from dash_pipe.log import Labels
from dash_pipe.protocol import Denied


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://app.org", "app.org"),
        ("http://app.org", "app.org:80"),
        ("http://app.org:80", "app.org"),
        ("https://app.org", "app.org"),
        ("https://app.org", "app.org:443"),
        ("https://app.org:443", "app.org"),
        ("http://app.org:8050", "app.org:8050"),
        ("http://APP.org", "app.ORG"),
        ("http://127.0.0.1:8050", "127.0.0.1:8050"),
        ("http://[::1]:8050", "[::1]:8050"),
        ("http://[::1]", "[::1]"),
        ("http://[::1]", "[::1]:80"),
        ("http://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("http://app.org", " app.org "),
    ],
)
def test_origin_equal_to_host_is_allowed(origin: str, host: str) -> None:
    assert origin_allowed(origin, [host], ())


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.org", "app.org"),
        ("http://app.org.evil.org", "app.org"),
        ("http://evilapp.org", "app.org"),
        ("http://sub.app.org", "app.org"),
        ("http://app.org:8051", "app.org:8050"),
        ("http://app.org", "app.org:443"),
        ("https://app.org", "app.org:80"),
        ("http://app.org@evil.org", "app.org"),
        ("http://evil.org/app.org", "app.org"),
        ("http://evil.org#@app.org", "app.org"),
        ("http://[::1]:8050", "[::2]:8050"),
        ("http://localhost:8050", "127.0.0.1:8050"),
        ("null", "app.org"),
        ("null", "null"),
        ("null", ""),
        ("", ""),
        ("", "app.org"),
        ("file://", ""),
        ("http://", ""),
        ("http://[", "app.org"),
        ("http://app.org:port", "app.org"),
        ("http://app.org:99999", "app.org:99999"),
        ("http://app.org", "["),
        ("http://app.org", ""),
    ],
)
def test_origin_other_than_host_is_rejected(origin: str, host: str) -> None:
    assert not origin_allowed(origin, [host], ())


def test_no_origin_is_allowed() -> None:
    assert origin_allowed(None, ["app.org"], ())


def test_origin_equal_to_one_of_several_hosts_is_allowed() -> None:
    hosts = ["127.0.0.1:8050", "app.org", " inner.org"]
    assert origin_allowed("https://app.org", hosts, ())
    assert origin_allowed("https://inner.org", hosts, ())
    assert not origin_allowed("https://evil.org", hosts, ())
    assert not origin_allowed("https://app.org", [], ())


def test_origin_in_allowed_origins_is_allowed() -> None:
    allowed = ["https://portal.org", "http://portal.org:8443"]
    assert origin_allowed("https://portal.org", ["app.org"], allowed)
    assert origin_allowed("http://portal.org:8443", ["app.org"], allowed)
    assert not origin_allowed("http://portal.org", ["app.org"], allowed)
    assert not origin_allowed("https://portal.org:8443", ["app.org"], allowed)
    assert not origin_allowed("null", ["app.org"], allowed)


def test_any_origin_is_allowed_by_a_star() -> None:
    assert origin_allowed("https://anybody.org", ["app.org"], ["*"])
    assert origin_allowed("null", [], ["*"])


@given(st.text(), st.lists(st.text(), max_size=3))
def test_origin_of_any_text_is_decided_without_an_error(origin: str, hosts: list[str]) -> None:
    assert origin_allowed(origin, hosts, ()) in (True, False)
    assert not origin_allowed(f"http://evil.org/{origin}", ["app.org"], ())


def denied(labels: Labels, permits: Callable[[Labels], bool]) -> Denied:
    asking = label_sets(labels)
    question = next(asking)
    while True:
        try:
            question = asking.send(permits(question))
        except StopIteration as end:
            return frozenset(end.value)


@pytest.mark.parametrize("labels", [None, frozenset(), frozenset("a"), frozenset("abc")])
def test_label_sets_allowed_at_once_gives_one_question(labels: Labels) -> None:
    asked: list[Labels] = []
    assert denied(labels, lambda question: asked.append(question) or True) == frozenset()  # type: ignore[func-returns-value]
    assert asked == [labels]


def test_label_sets_returns_the_denied_labels() -> None:
    assert denied(None, lambda _: False) == {None}
    assert denied(frozenset(), lambda _: False) == {None}
    assert denied(frozenset("a"), lambda _: False) == {"a"}
    assert denied(frozenset("abc"), lambda _: False) == {"a", "b", "c"}
    assert denied(frozenset("abc"), lambda question: question == {"b"}) == {"a", "c"}
    assert denied(frozenset("ab"), lambda question: len(question or "") == 1) == {"a", "b"}
