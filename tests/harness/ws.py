"""A websocket client that speaks the protocol, for tests that need no browser."""

import json
import time
from collections.abc import Sequence
from typing import Any

from typing_extensions import Self
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from harness.wait import TIMEOUT, check

SUBPROTOCOL = Subprotocol("dash-pipe.v1")

Frame = dict[str, Any]


class PipeClient:
    """One connection to an endpoint; a context manager.

    `url` is that of the page, with http and a slash at the end. Pings are answered in passing and
    never returned.
    """

    def __init__(self, url: str, *, origin: str | None = None) -> None:
        self._connecting = connect(
            url.replace("http", "ws", 1) + "_pipe/ws",
            origin=None if origin is None else Origin(origin),
            subprotocols=[SUBPROTOCOL],
            compression=None,
        )

    def __enter__(self) -> Self:
        self._socket = self._connecting.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._connecting.__exit__(None, None, None)

    def send(self, frame: Frame | str) -> None:
        """Send a frame; a string goes out as it is, so that it can be a bad one."""
        self._socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    def subscribe(
        self, channel: str, labels: Sequence[str] | None = None, since: Frame | None = None
    ) -> Frame:
        """Subscribe and return the server's `subscribed`, which must be its next frame."""
        frame: Frame = {"type": "subscribe", "channel": channel, "labels": labels}
        self.send(frame if since is None else {**frame, "since": since})
        answer = self.next_frame()
        assert answer["type"] == "subscribed", answer
        return answer

    def next_frame(self, timeout: float = TIMEOUT) -> Frame:
        """Return the next frame that is not a ping; TimeoutError when none comes."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                text = self._socket.recv(max(0.0, deadline - time.monotonic()))
            except (ConnectionClosed, TimeoutError):
                check()  # a server that has ended says why
                raise
            frame: Frame = json.loads(text)
            if frame["type"] != "ping":
                return frame
            self.send({"type": "pong", "n": frame["n"]})

    def rows(self, count: int, timeout: float = TIMEOUT) -> list[list[Any]]:
        """Return the rows of the next `messages` frames, until there are `count` of them."""
        rows: list[list[Any]] = []
        while len(rows) < count:
            frame = self.next_frame(timeout)
            assert frame["type"] == "messages", frame
            rows += frame["messages"]
        return rows
