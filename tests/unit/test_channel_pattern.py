"""The pattern of a source's channels."""

import pytest

from dash_pipe.producers.channel_pattern import ChannelPattern


@pytest.mark.parametrize(
    ("pattern", "channel", "values"),
    [
        ("prices", "prices", {}),
        ("prices", "prices2", None),
        ("ticker-{symbol}", "ticker-ABC", {"symbol": "ABC"}),
        ("ticker-{symbol}", "ticker-a-b/c\nd", {"symbol": "a-b/c\nd"}),
        ("ticker-{symbol}", "ticker-", None),
        ("ticker-{symbol}", "xticker-A", None),
        ("{room}/{seat}", "a/b/c", {"room": "a", "seat": "b/c"}),
        ("a.b+{x}", "a.b+1", {"x": "1"}),
        ("a.b+{x}", "axbb1", None),
    ],
)
def test_pattern_matches_whole_channels_and_gives_the_variables(
    pattern: str, channel: str, values: dict[str, str] | None
) -> None:
    assert ChannelPattern(pattern).match(channel) == values


@pytest.mark.parametrize("text", ["a{", "a}", "{}", "{1}", "{a b}", "{a}{b}", "{a}-{a}", "{{a}}"])
def test_pattern_that_is_none_raises_error(text: str) -> None:
    with pytest.raises(ValueError, match="variable"):
        ChannelPattern(text)
