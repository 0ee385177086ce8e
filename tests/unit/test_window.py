"""The index of a window's labels."""

from dash_pipe.log.limits import Limits
from dash_pipe.log.message import Message
from dash_pipe.log.window import Window


def test_label_index_is_at_most_twice_the_window() -> None:
    window = Window(Limits(messages=10))
    for offset in range(1, 1001):
        window.add(Message(offset, "often" if offset % 7 else f"once {offset}", "", 0.0, 0))
        window.trim(0.0)
        assert sum(map(len, window._offsets.values())) <= 20
        assert len(window._offsets) <= 3
