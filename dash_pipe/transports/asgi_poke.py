"""Poke on an ASGI server."""

from __future__ import annotations

from functools import partial

from ..concurrency.pool import PoolFullError
from ..endpoint import poke
from ..endpoint.http import HttpAnswer, HttpRequest
from .asgi_http import Scope, in_thread, request_of, respond
from .asgi_socket import Receive, Send


class AsgiPoke:
    """An ASGI app that is poke, wherever it is asked; ``poke.paths`` says where that is to be."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI says."""
        request = await request_of(scope, receive, poke.ROUTE)
        await respond(await answer(request), send)


async def answer(request: HttpRequest) -> HttpAnswer:
    """Send what a request brings; see ``poke.answer``, which may wait for the broker."""
    try:
        return await in_thread(partial(poke.answer, request))
    except PoolFullError:
        return poke.busy()
