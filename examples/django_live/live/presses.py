"""What the buttons count: in Django's cache, and said on a channel."""

from django.core.cache import cache

from dash_pipe.django import send_to_pipe_channel

COLOURS = {"red": "#cf3346", "cyan": "#0b7c98", "green": "#2a8043"}


def press(colour: str) -> None:
    """Count a press, and tell every page. From a callback, a view, a command, a task."""
    cache.add(f"presses-{colour}", 0, timeout=None)
    cache.incr(f"presses-{colour}")
    keys = {colour: f"presses-{colour}" for colour in COLOURS}
    found = cache.get_many(keys.values())
    send_to_pipe_channel(
        channel_name="presses",
        label="counts",
        value={colour: found.get(key, 0) for colour, key in keys.items()},
    )
