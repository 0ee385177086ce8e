"""A running app under test: its pages, its messages, its recorded calls."""

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.server import trusting
from harness.wait import check


@dataclass(frozen=True)
class Call:
    """One call of a callback of the app, as the app recorded it."""

    callback: str
    triggered_id: Any
    values: dict[str, Any]
    messages: list[dict[str, Any]]
    n_messages: int | None
    time: float
    """The app's monotonic clock when the call began; only differences mean something."""


class App:
    """The test-only routes of an app (tests/apps/recorder.py), called over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(
        self, *messages: tuple[str, str, Any], thread: bool = False, every: float = 0.0
    ) -> list[list[Any]]:
        """Make the app send (channel, label, value) messages, in order; return their positions.

        With `thread` it sends them in a thread, and this returns an empty list at once. `every` is
        the number of seconds between two messages.
        """
        names = ("channel_name", "label", "value")
        body = [dict(zip(names, message, strict=True)) for message in messages]
        query = {**({"thread": 1} if thread else {}), **({"every": every} if every else {})}
        positions: list[list[Any]] = self._request(
            "POST", f"/_test/send?{urllib.parse.urlencode(query)}", body
        )
        return positions

    def later(self, seconds: float) -> None:
        """Move the clock of the app's messages forward (tests/apps/clock.py)."""
        self._request("POST", f"/_test/later/{float(seconds)}")

    @contextmanager
    def closed(self, gate: str) -> Iterator[None]:
        """Keep a gate of the app (tests/apps/gates.py) closed while inside."""
        self._request("POST", f"/_test/gates/{gate}/close")
        try:
            yield
        finally:
            self._request("POST", f"/_test/gates/{gate}/open")

    def calls(self, callback: str | None = None) -> list[Call]:
        """Return the calls of one callback, or of all, in the order in which they began."""
        calls = [Call(**call) for call in self._request("GET", "/_test/calls")]
        return [call for call in calls if callback in {None, call.callback}]

    def objects(self) -> int:
        """Make the app collect its garbage; return how many objects it has then."""
        return int(self._request("GET", "/_test/calls?objects=1"))

    def forget(self) -> None:
        """Make the app forget its calls."""
        self._request("DELETE", "/_test/calls")

    def _request(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30, context=trusting()) as answer:
                return json.load(answer)
        except OSError:
            check()  # its log says more than a refused connection
            raise


def heard(calls: list[Call]) -> list[Any]:
    """Return the values of all messages of the calls, in order."""
    return [message["value"] for call in calls for message in call.messages]


def offsets(calls: list[Call]) -> list[int]:
    """Return the offsets of all messages of the calls, in order."""
    return [message["offset"] for call in calls for message in call.messages]


def contiguous(numbers: list[int]) -> bool:
    """Return whether the numbers are consecutive: none twice, none missing."""
    return numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
