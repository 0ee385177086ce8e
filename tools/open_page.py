"""Open a page in the desktop's browser as soon as its server answers; nothing without a desktop."""

import os
import socket
import sys
import time
import webbrowser
from urllib.parse import urlsplit

PATIENCE = 30.0  # seconds that a server may take to start


def has_desktop() -> bool:
    """Tell whether there is a screen to open a page on (webbrowser would try a text browser)."""
    on_unix = sys.platform not in {"darwin", "win32"}
    return not on_unix or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def answers(address: tuple[str, int]) -> bool:
    """Wait until something listens at the address; false when nothing does in time."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return True
    return False


def main(url: str) -> None:
    """Open the url once its server is there."""
    parts = urlsplit(url)
    if has_desktop() and answers((parts.hostname or "", parts.port or 80)):
        webbrowser.open(url)


if __name__ == "__main__":
    main(sys.argv[1])
