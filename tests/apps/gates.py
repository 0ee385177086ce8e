"""Gates that hold callbacks of an app until the test opens them.

harness/app.py is the other end of the route.
"""

import threading
from collections import defaultdict

from flask import Flask, jsonify

PATIENCE = 30.0  # seconds; a failed test leaves its gate closed


def opened():
    event = threading.Event()
    event.set()
    return event


class Gates:
    """Gates, open until a test closes them; for servers that go on while one request waits."""

    def __init__(self, server: Flask):
        self._gates = defaultdict(opened)
        server.add_url_rule("/_test/gates/<name>/<verb>", view_func=self._turn, methods=["POST"])

    def wait(self, name):
        """Wait until the gate is open."""
        assert self._gates[name].wait(PATIENCE), f"nobody opened the gate {name!r}"

    def _turn(self, name, verb):
        {"open": threading.Event.set, "close": threading.Event.clear}[verb](self._gates[name])
        return jsonify(None)
