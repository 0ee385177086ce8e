"""The page of tests/apps/stage.py: Pipes that a test mounts, changes and unmounts."""

from typing import Any

from harness.browser import Browser

SET = "dash_clientside.set_props(arguments[0], arguments[1])"


def pipe(slot: str) -> dict[str, str]:
    """Return the id of the Pipe in a slot."""
    return {"type": "pipe", "slot": slot}


def mount(browser: Browser, slot: str, **props: Any) -> None:
    """Put a Pipe in an empty slot: `a`, `b` or `c`."""
    component = {
        "namespace": "dash_pipe",
        "type": "Pipe",
        "props": {"id": pipe(slot), **props},
    }
    browser.run(SET, f"slot-{slot}", {"children": component})


def unmount(browser: Browser, slot: str) -> None:
    """Empty a slot."""
    browser.run(SET, f"slot-{slot}", {"children": None})


def change(browser: Browser, slot: str, **props: Any) -> None:
    """Set props of the Pipe in a slot, like a callback."""
    browser.run(SET, pipe(slot), props)


def wait_open(browser: Browser, slots: str) -> None:
    """Wait until the Pipes of these slots are open."""
    browser.wait_open(*[pipe(slot) for slot in slots])
