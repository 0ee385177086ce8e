"""What guards an endpoint: origins, the app's own hooks, and the ``authorize`` setting.

What is decided where: ``access`` knows the rules, this asks the app. A hook may be sync or async,
and so may the server: each of the four pairs has its way here.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from .. import runtime
from ..access import Refusal, questions, refusal
from ..log import Labels
from ..protocol import Close, Denied, Subscribe
from ..settings import Authorize

AUTHORIZE_TIMEOUT = 10.0  # seconds that an answer of the app may take

logger = logging.getLogger("dash_pipe")

OpenRequest = Callable[[], AbstractContextManager[Any]]
"""Brings the request back to which a websocket belongs: a context in which the app finds it"""


@dataclass(frozen=True)
class Guard:
    """Who may use the endpoint of one app.

    Attributes:
        origins: what the app allows beside the setting ``allowed_origins``.
        connect_hooks: gives the functions that Dash asks before it opens a websocket of its own
            (``dash.hooks.websocket_connect``); they are asked for ours too.
    """

    origins: Sequence[str] = ()
    connect_hooks: Callable[[], Sequence[Callable[[Any], Any]]] = tuple

    async def refusal(self, headers: Mapping[str, str], request: Any) -> Refusal | None:
        """Why a browser may not use the endpoint at all; ``None`` when it may.

        Args:
            headers: of its request, by lower-case name.
            request: the same as the hooks are given it.
        """
        return self._origin_refusal(headers) or await self._hooks_refusal(request)

    def refusal_now(self, headers: Mapping[str, str], request: Any) -> Refusal | None:
        """Say the same in a thread that may wait."""
        found = self._origin_refusal(headers)
        if found is None and self.connect_hooks():
            found = asyncio.run(self._hooks_refusal(request))
        return found

    @property
    def authorizes(self) -> bool:
        """Whether the app wants to be asked who may listen where."""
        return runtime.current().settings.authorize is not None

    @property
    def asks_on_the_loop(self) -> bool:
        """Whether the app answers in a coroutine, which belongs to the server's loop."""
        return inspect.iscoroutinefunction(runtime.current().settings.authorize)

    def _origin_refusal(self, headers: Mapping[str, str]) -> Refusal | None:
        return refusal(headers, (*runtime.current().settings.allowed_origins, *self.origins))

    async def _hooks_refusal(self, request: Any) -> Refusal | None:
        """What the hooks say; as Dash wants it, ``False`` and ``(code, reason)`` refuse."""
        for hook in self.connect_hooks():
            try:
                answer = hook(request)
                if inspect.isawaitable(answer):
                    answer = await answer
            except Exception:
                logger.exception("dash-pipe: a websocket_connect hook failed, and so refuses")
                answer = False
            if answer is False:
                return Close.UNAUTHORIZED, "a websocket_connect hook of this app refused"
            if isinstance(answer, tuple):
                reason = str(answer[-1])
                return Close.UNAUTHORIZED, f"a websocket_connect hook of this app refused: {reason}"
        return None


class HttpOnly:
    """Says once that an app guards its pages, but nothing guards its websocket.

    Args:
        guard: of the app.
        http_guards: names what guards HTTP alone; asked late, since an app may add some any time.
        backend: how the log calls the server.
    """

    def __init__(self, guard: Guard, http_guards: Callable[[], list[str]], backend: str) -> None:
        self._guard = guard
        self._http_guards = http_guards
        self._backend = backend
        self._checked = False

    def check(self) -> None:
        """Look, the first time."""
        if self._checked:
            return
        self._checked = True
        names = self._http_guards()
        if names and not self._guard.authorizes and not self._guard.connect_hooks():
            logger.warning(
                "dash-pipe: %s on %s guards HTTP requests but does not run for websockets, so "
                "whoever reaches this server can listen on every channel. Say who may with "
                "dash_pipe.configure(authorize=...) or dash.hooks.websocket_connect, or with "
                "authorize=lambda *_: True that everybody may.",
                ", ".join(names),
                self._backend,
            )


async def refused(open_request: OpenRequest, subscribe: Subscribe) -> Denied:
    """Ask the app what of a subscribe it refuses, from a loop that must not be held up.

    An answer that fails, that is no bool, or that takes longer than ``AUTHORIZE_TIMEOUT``,
    refuses, and the log says so.
    """
    authorize = runtime.current().settings.authorize
    if authorize is None:
        return frozenset()
    ask = _ask_async if inspect.iscoroutinefunction(authorize) else _ask_in_thread
    asking = questions(subscribe.labels)
    question = next(asking)
    while True:
        answer: object = None
        with _refusing(subscribe.channel):
            asked = ask(_bound(authorize, subscribe, question), open_request)
            answer = await asyncio.wait_for(asked, AUTHORIZE_TIMEOUT)
        try:
            question = asking.send(_is_yes(answer))
        except StopIteration as end:
            return cast(Denied, end.value)


def refused_now(request: Any, subscribe: Subscribe) -> Denied:
    """Ask the app the same from a thread that may wait, within the request."""
    authorize = runtime.current().settings.authorize
    if authorize is None:
        return frozenset()
    asking = questions(subscribe.labels)
    question = next(asking)
    while True:
        answer: object = None
        with _refusing(subscribe.channel):
            answer = _bound(authorize, subscribe, question)(request)
            if inspect.iscoroutine(answer):
                answer = asyncio.run(asyncio.wait_for(answer, AUTHORIZE_TIMEOUT))
        try:
            question = asking.send(_is_yes(answer))
        except StopIteration as end:
            return cast(Denied, end.value)


def _bound(authorize: Authorize, subscribe: Subscribe, labels: Labels) -> Callable[[Any], Any]:
    """A question to the app, but for the request; with the Pipe's token if the app wants it."""
    listed = None if labels is None else sorted(labels)
    wanted = {"token": subscribe.token} if _wants_token(authorize) else {}
    return lambda request: authorize(request, subscribe.channel, listed, **wanted)


@lru_cache(maxsize=4)  # there is one; a test may bring others
def _wants_token(authorize: Authorize) -> bool:
    try:
        return "token" in inspect.signature(authorize).parameters
    except (TypeError, ValueError):  # of what is not written in Python nothing is known
        return False


@contextmanager
def _refusing(channel: str) -> Iterator[None]:
    """Say what goes wrong with a question; its answer stays ``None`` then."""
    try:
        yield
    except asyncio.TimeoutError:
        logger.warning(
            "dash-pipe: authorize did not answer for channel %r within %g s, and so refuses",
            channel,
            AUTHORIZE_TIMEOUT,
        )
    except Exception:
        logger.exception("dash-pipe: authorize failed for channel %r, and so refuses", channel)


def _is_yes(answer: object) -> bool:
    """Only ``True`` permits: what else is true to Python may be a response that refuses."""
    if answer is not None and not isinstance(answer, bool):
        logger.warning(
            "dash-pipe: authorize is to return True or False, returned %r, and so refuses", answer
        )
    return answer is True


async def _ask_async(ask: Callable[[Any], Any], open_request: OpenRequest) -> object:
    with open_request() as request:
        return await ask(request)


async def _ask_in_thread(ask: Callable[[Any], Any], open_request: OpenRequest) -> object:
    def asked() -> object:
        with open_request() as request:
            return ask(request)

    answer = await asyncio.to_thread(asked)
    return await answer if inspect.isawaitable(answer) else answer
