"""What an app under test remembers of its callbacks, and the routes a test reads it by.

harness/app.py is the other end of these routes.
"""

import threading
import time

from dash import ctx
from flask import Flask, jsonify, request

from dash_pipe import send_to_pipe_channel


class Recorder:
    """Remembers the calls of this process; install() adds the routes to the app's Flask server."""

    def __init__(self, server: Flask | None = None):
        self._calls = []
        if server is not None:
            self.install(server)

    def record(self, callback, messages=None, n_messages=None, **values):
        """Remember a call. To be the first line of a callback, so that calls are in their order."""
        self._calls.append(
            {
                "callback": callback,
                "triggered_id": ctx.triggered_id,
                "values": values,
                "messages": messages or [],
                "n_messages": n_messages,
                "time": time.monotonic(),
            }
        )

    def install(self, server: Flask):
        server.add_url_rule("/_test/send", view_func=send, methods=["POST"])
        server.add_url_rule("/_test/calls", view_func=self._show, methods=["GET"])
        server.add_url_rule(
            "/_test/calls", endpoint="forget", view_func=self._forget, methods=["DELETE"]
        )

    def _show(self):
        return jsonify(self._calls)

    def _forget(self):
        self._calls.clear()
        return jsonify(None)


def send():
    messages = request.get_json()
    every = float(request.args.get("every", 0))
    if "thread" in request.args:
        threading.Thread(target=send_all, args=(messages, every), daemon=True).start()
        return jsonify([])
    return jsonify(send_all(messages, every))


def send_all(messages, every):
    positions = []
    for message in messages:
        positions.append(send_to_pipe_channel(**message))
        time.sleep(every)  # the pace of the stream, where the test wants one
    return positions
