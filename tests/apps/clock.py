"""A clock that jumps forward when a test says so: an hour for dash-pipe's memory, at once.

To be imported before dash_pipe, whose broker takes `time.time` as it finds it.
harness/app.py is the other end of the route.
"""

import time

from flask import Flask, jsonify

_real = time.time
_ahead = 0.0


def _shifted():
    return _real() + _ahead


time.time = _shifted


def install(server: Flask):
    server.add_url_rule("/_test/later/<float:seconds>", view_func=_later, methods=["POST"])


def _later(seconds):
    global _ahead
    _ahead += seconds
    return jsonify(None)
