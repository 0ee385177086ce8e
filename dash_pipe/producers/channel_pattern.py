"""Match channels with the pattern of a source. Pure."""

from __future__ import annotations

import re

_NAME = re.compile(r"\{([^{}]*)\}")


class ChannelPattern:
    """The name of a channel, with variables: ``ticker-{symbol}``.

    A variable matches one character or more.

    Args:
        text: the pattern.

    Attributes:
        text: see above.
        names: the variables.

    Raises:
        ValueError: it is no pattern; the message says why.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        literals, names = _NAME.split(text)[::2], _NAME.findall(text)
        wrong = next((name for name in names if not name.isidentifier()), None)
        if wrong is not None or any(brace in part for part in literals for brace in "{}"):
            raise ValueError("a variable is a name in braces, as in 'ticker-{symbol}'")
        if len({*names}) < len(names):
            raise ValueError("each variable may be there once")
        if not all(literals[1:-1]):
            raise ValueError("between two variables there has to be some text")
        self.names = tuple(names)
        between = (re.escape(part) for part in literals)
        self._expression = re.compile("(.+?)".join(between), re.DOTALL)

    def match(self, channel: str) -> dict[str, str] | None:
        """Return the values of the variables; None if the pattern does not match the channel."""
        found = self._expression.fullmatch(channel)
        return None if found is None else dict(zip(self.names, found.groups(), strict=True))
