"""A record of an app's callback calls, and routes for tests to read it.

harness/app.py is the client of these routes. The variable BACKEND names the backend of Dash that
the app uses; Flask is the default.
"""

import asyncio
import gc
import os
import sys
import threading
import time

from dash import ctx

from dash_pipe import send_to_pipe_channel

BACKEND = os.environ.get("BACKEND", "flask")
# An argument of `Dash(...)`; Dash before 4.2 has none, and uses Flask.
OPTIONS = {} if BACKEND == "flask" else {"backend": BACKEND}
if "gevent.monkey" in sys.modules:
    # Each async view of Dash runs a loop. Gevent's greenlets can't, since they share a thread.
    OPTIONS["use_async"] = False


class Recorder:
    """Record the calls of this process; install() adds the routes to the app's server."""

    def __init__(self, server=None):
        self._calls = []
        if server is not None:
            self.install(server)

    def record(self, callback, messages=None, n_messages=None, **values):
        """Record a call. Make it the first line of a callback, so that calls are in order."""
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

    def install(self, server):
        {"flask": self._on_flask, "fastapi": self._on_fastapi, "quart": self._on_quart}[BACKEND](
            server
        )

    def _on_flask(self, server):
        from flask import jsonify, request

        def view():
            return jsonify(self._answer(request.method, request.args, request.get_json(True, True)))

        server.add_url_rule("/_test/calls", "_test", view, methods=["GET", "DELETE"])
        server.add_url_rule("/_test/send", "_test", methods=["POST"])

    def _on_quart(self, server):
        from quart import jsonify, request

        async def view():
            body = await request.get_json(True, True)
            return jsonify(await self._answer_beside(request.method, request.args, body))

        server.add_url_rule("/_test/calls", "_test", view, methods=["GET", "DELETE"])
        server.add_url_rule("/_test/send", "_test", view, methods=["POST"])

    def _on_fastapi(self, server):
        from starlette.requests import Request
        from starlette.responses import JSONResponse

        async def view(request: Request):
            body = await request.json() if request.method == "POST" else None
            query = request.query_params
            return JSONResponse(await self._answer_beside(request.method, query, body))

        server.add_route("/_test/calls", view, methods=["GET", "DELETE"])
        server.add_route("/_test/send", view, methods=["POST"])

    async def _answer_beside(self, *request):
        # In a thread: while messages are sent on the loop, nothing leaves it, and the stream
        # of a test would arrive as one frame.
        return await asyncio.to_thread(self._answer, *request)

    def _answer(self, method, arguments, body):
        if method == "GET" and "objects" in arguments:
            gc.collect()
            return len(gc.get_objects())
        if method == "GET":
            return self._calls
        if method == "DELETE":
            self._calls.clear()
            return None
        every = float(arguments.get("every", 0))
        if "thread" in arguments:
            threading.Thread(target=send_all, args=(body, every), daemon=True).start()
            return []
        return send_all(body, every)


def send_all(messages, every):
    positions = []
    for message in messages:
        positions.append(send_to_pipe_channel(**message))
        time.sleep(every)  # the pace of the stream, if the test wants one
    return positions
