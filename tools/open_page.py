"""Open a page in the desktop's browser when its server answers. Without a desktop do nothing."""

import os
import socket
import sys
import time
import webbrowser
from urllib.parse import urlsplit

TIMEOUT = 30.0  # seconds that a server may take to start


def has_desktop() -> bool:
    """Return whether there is a screen; without one webbrowser would try a text browser."""
    on_unix = sys.platform not in {"darwin", "win32"}
    return not on_unix or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def answers(address: tuple[str, int]) -> bool:
    """Wait until a server listens at the address. Return False if that times out."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return True
    return False


def main(url: str) -> None:
    """Open the URL when its server listens."""
    parts = urlsplit(url)
    if has_desktop() and answers((parts.hostname or "", parts.port or 80)):
        webbrowser.open(url)


if __name__ == "__main__":
    main(sys.argv[1])
