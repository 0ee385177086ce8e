"""The patterns of the setting `protected_channels`."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_pipe.errors import SettingError
from dash_pipe.settings import resolve
from dash_pipe.settings.patterns import matches_pattern

NAMES = st.text("ab*.-\n", min_size=1, max_size=12)


@given(NAMES, NAMES)
def test_pattern_matches_as_a_regular_expression_of_its_parts(name: str, pattern: str) -> None:
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    expected = re.fullmatch(expression, name, re.DOTALL) is not None
    assert matches_pattern(name, [pattern]) == expected


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("user-*", ["user-7", "user-", "user-a/b\nc"], ["user", "xuser-7", "User-7", " user-7"]),
        ("jobs", ["jobs"], ["job", "jobs2", "JOBS"]),
        ("*", ["jobs", "\N{ROCKET}"], []),
        ("*-private", ["a-private", "-private"], ["a-private-b", "private"]),
        ("team-*-log", ["team-a-log", "team--log"], ["team-log", "team-a-log2"]),
        ("a*a", ["aa", "aba"], ["a"]),
        ("a-*-b-*-c", ["a-x-b-y-c", "a--b--c"], ["a-x-c", "a-b-c", "a-x-b-c"]),
        ("u?er-[1].x", ["u?er-[1].x"], ["user-1.x", "u?er-1.x", "u?er-[1]yx"]),
    ],
)
def test_pattern_matches_whole_names_and_only_the_star_is_special(
    pattern: str, matching: list[str], others: list[str]
) -> None:
    assert [name for name in [*matching, *others] if matches_pattern(name, [pattern])] == matching


def test_pattern_with_many_stars_takes_linear_time() -> None:
    assert not matches_pattern("a" * 200, ["a*" * 99 + "b"])


def test_protected_channels_from_the_environment_are_split_at_commas() -> None:
    settings = resolve({}, {"DASH_PIPE_PROTECTED_CHANNELS": "user-*, jobs"})
    assert settings.protected_channels == ("user-*", "jobs")
    assert settings.restricts_listening


@pytest.mark.parametrize("value", ["user-*", [""], ["x" * 201], [5]])
def test_protected_channels_that_match_nothing_raise_error(value: object) -> None:
    with pytest.raises(SettingError, match=r"^protected_channels: expected a list of patterns"):
        resolve({"protected_channels": value}, {})
