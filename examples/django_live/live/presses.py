"""The counts of presses: in Django's cache, and sent to a channel."""

from asgiref.sync import sync_to_async
from django.core.cache import cache

from dash_pipe.django import async_send_to_pipe_channel, send_to_pipe_channel

COLOURS = {"red": "#cf3346", "cyan": "#0b7c98", "green": "#2a8043"}


def press(colour: str, name: str) -> None:
    """Count a press, and send it to every page. For a callback, a view, a command, a task."""
    for label, value in count(colour, name).items():
        send_to_pipe_channel(channel_name="presses", label=label, value=value)


async def async_press(colour: str, name: str) -> None:
    """Do the same from an async view, without blocking its event loop."""
    for label, value in (await sync_to_async(count)(colour, name)).items():
        await async_send_to_pipe_channel(channel_name="presses", label=label, value=value)


def count(colour: str, name: str) -> dict[str, object]:
    """Count a press; return the messages about it by label."""
    cache.add(f"presses-{colour}", 0, timeout=None)
    cache.incr(f"presses-{colour}")
    keys = {colour: f"presses-{colour}" for colour in COLOURS}
    found = cache.get_many(keys.values())
    counts = {colour: found.get(key, 0) for colour, key in keys.items()}
    return {"counts": counts, "names": {"name": name, "colour": colour}}
