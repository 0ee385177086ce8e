"""A browser with a login on an app with members (tests/apps/members.py), and its page."""

import time
import urllib.request
from contextlib import suppress
from http.cookiejar import CookieJar
from itertools import count
from typing import Any

import pytest

from harness.wait import TIMEOUT
from harness.ws import PipeClient


class Visitor:
    """A browser: its cookies, its websocket, and what it does elsewhere.

    Args:
        listens: the address of the process that its page comes from.
        acts: that of the process that gets what it posts.
        name: the user that it logs in.
    """

    def __init__(self, listens: str, acts: str, name: str) -> None:
        self._listens = listens
        self._acts = acts
        self._jar = CookieJar()
        processor = urllib.request.HTTPCookieProcessor(self._jar)
        self._opener = urllib.request.build_opener(processor)
        self.post(f"login/{name}")

    def post(self, path: str, body: bytes = b"{}", *, at: str = "") -> bytes:
        """Post to the app; return the answer."""
        request = urllib.request.Request(f"{at or self._acts}/{path}", body)
        request.add_header("Content-Type", "application/json")
        with self._opener.open(request, timeout=30) as answer:
            return bytes(answer.read())

    def poll(self, body: bytes) -> bytes:
        """Poll where its page comes from; return the answer."""
        return self.post("_pipe/poll", body, at=self._listens)

    def page(self) -> PipeClient:
        """Return a websocket with the cookies of this moment."""
        cookies = "; ".join(f"{each.name}={each.value}" for each in self._jar)
        return PipeClient(f"{self._listens}/", headers=[("Cookie", cookies)])


def sent_until_it_ends(
    visitor: Visitor, page: PipeClient, channel: str, error: type[Exception]
) -> tuple[list[Any], float, Any]:
    """Send until the page's subscription ends; return what arrived, the seconds and the error."""
    began, number = time.monotonic(), count()
    arrived: list[Any] = []

    def send_and_read() -> None:
        while time.monotonic() - began < TIMEOUT:
            visitor.post(f"send/{channel}/after-{next(number)}")
            with suppress(TimeoutError):
                arrived.extend(row[2] for row in page.rows(1, timeout=0.02))

    with pytest.raises(error) as caught:
        send_and_read()
    return arrived, time.monotonic() - began, caught.value


def heard(page: PipeClient) -> list[Any]:
    """Return the values of the next messages, at least one."""
    return [row[2] for row in page.rows(1)]
