"""A fake ASGI server with one browser."""

import asyncio
import json
from collections.abc import Container
from typing import Any

from dash_pipe.transports.asgi import AsgiEndpoint
from harness.wait import TIMEOUT

Event = dict[str, Any]


class Server:
    """An ASGI server with one browser, whose socket can be made slow or broken."""

    def __init__(self, app: Any = None, **scope: Any) -> None:
        self.scope: dict[str, Any] = {
            "type": "websocket",
            "path": "/_pipe/ws",
            "headers": [(b"host", b"app.org"), (b"origin", b"https://app.org")],
            "subprotocols": ["dash-pipe.v1"],
            **scope,
        }
        self.app = app or AsgiEndpoint()
        self.to_app: asyncio.Queue[Event] = asyncio.Queue()
        self.to_app.put_nowait({"type": "websocket.connect"})
        self._unhandled = False
        self.sent: asyncio.Queue[Event] = asyncio.Queue()
        self.writable = asyncio.Event()
        self.writable.set()
        self.error: Exception | None = None
        self.codes: Container[int] = range(1000, 5000)  # of closes that it can send

    async def __aenter__(self) -> "Server":
        self.task = asyncio.create_task(self.app(self.scope, self._receive, self._send))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(self.task, TIMEOUT)

    async def _receive(self) -> Event:
        if self._unhandled:
            self._unhandled = False
            self.to_app.task_done()
        event = await self.to_app.get()
        self._unhandled = True
        return event

    async def _send(self, event: Event) -> None:
        if self.error is not None:
            raise self.error
        if event["type"] == "websocket.close" and event["code"] not in self.codes:
            raise ValueError(f"invalid close code {event['code']}")
        await self.writable.wait()
        self.sent.put_nowait(event)

    def says(self, **frame: Any) -> None:
        self.to_app.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    async def handled(self) -> None:
        """Wait until the app has handled every event."""
        await asyncio.wait_for(self.to_app.join(), TIMEOUT)

    async def next(self) -> Event:
        return await asyncio.wait_for(self.sent.get(), TIMEOUT)

    async def frame(self) -> Event:
        frame: Event = json.loads((await self.next())["text"])
        return frame

    async def subscribe(self, channel: str = "jobs") -> Event:
        self.says(type="subscribe", channel=channel, labels=None)
        return await self.frame()
