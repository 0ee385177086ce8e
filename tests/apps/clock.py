"""A clock that a test moves forward, so that messages in memory get older at once.

Import it before dash_pipe, whose broker binds `time.time` at import.
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
