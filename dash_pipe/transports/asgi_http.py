"""Convert plain HTTP on an ASGI server: its events to a request, an answer to its events."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, MutableMapping
from functools import partial
from typing import Any

from .. import runtime
from ..concurrency.pool import Pool, PoolFullError
from ..endpoint import poke
from ..endpoint.http import MAX_BODY_BYTES, HttpAnswer, HttpRequest
from ..runtime import Runtime
from .asgi_socket import Event, Receive, Send

Scope = MutableMapping[str, Any]

THREADS = 32  # per process, for answers that may wait
QUEUE_TIMEOUT = 10.0  # seconds that a request waits for a free thread


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers of a request, by lower-case name. Commas join repeated headers."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


async def request_of(scope: Scope, receive: Receive, path: str) -> HttpRequest:
    """Return the request of a scope; ``path`` is the part after ``_pipe/``."""
    body = await body_of(_parts(receive))
    peer = scope.get("client")
    address, scheme = peer[0] if peer else None, scope.get("scheme", "")
    return HttpRequest(scope["method"], path, headers_of(scope), body, address, scheme)


async def body_of(parts: AsyncIterable[bytes]) -> bytes:
    """Return the body of a request, cut to ``MAX_BODY_BYTES + 1`` bytes."""
    body = bytearray()
    async for part in parts:
        body += part
        if len(body) > MAX_BODY_BYTES:
            break
    return bytes(body[: MAX_BODY_BYTES + 1])


async def respond(answer: HttpAnswer, send: Send) -> None:
    """Send an answer."""
    text = answer.body.encode()
    headers = {"content-type": "application/json", "content-length": str(len(text))}
    raw = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in (headers | dict(answer.headers)).items()
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": text})


async def in_thread(current: Runtime, call: Callable[[], HttpAnswer]) -> HttpAnswer:
    """Make a call that may wait in a thread, so that the loop is not blocked.

    Raises:
        PoolFullError: no thread became free in time.
    """
    return await current.part(_threads).submit(call).outcome(QUEUE_TIMEOUT)


async def in_poll_thread(current: Runtime, call: Callable[[], HttpAnswer]) -> HttpAnswer:
    """Do the same in a thread for polls, which must not keep others from being answered."""
    return await current.part(_poll_threads).submit(call).outcome(QUEUE_TIMEOUT)


class AsgiPoke:
    """Answer every request as a poke; an ASGI app. Mount it at the paths of ``poke.paths``."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; see ASGI."""
        current = runtime.current()
        request = await request_of(scope, receive, poke.ROUTE)
        await respond(await answer_poke(current, request), send)


async def answer_poke(current: Runtime, request: HttpRequest) -> HttpAnswer:
    """Publish the messages of a request in a thread, since the broker may wait; see ``poke``."""
    try:
        return await in_thread(current, partial(poke.answer, current, request))
    except PoolFullError:
        return poke.busy()


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        event: Event = await receive()
        yield event.get("body", b"")
        more = event.get("more_body", False)


def _poll_threads(_: Runtime) -> Pool:
    return Pool("dash-pipe-poll", THREADS)


def _threads(_: Runtime) -> Pool:
    return Pool("dash-pipe-http", THREADS)
