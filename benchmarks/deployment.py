"""dash-pipe as it is deployed: a Dash app on Flask, for `gunicorn deployment:server`.

Two routes are there for the benchmark alone: `/bench/about` says who answers, `/bench/send` starts
a thread that sends. Run as a script with a listening socket's number it serves the same app with
werkzeug's development server.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from importlib.metadata import version

import dash
import flask

from message import value

if os.environ.get("BENCH_UVLOOP"):
    import uvloop

    uvloop.install()

import dash_pipe

CHANNEL = "bench"

app = dash.Dash(__name__)
app.layout = dash.html.Div("listening")
dash_pipe.setup(app)
server = app.server


def send(count: int, rate: float) -> None:
    """Send `count` messages, `rate` a second, or as fast as they go when it is 0."""
    time.sleep(0.05)
    start = time.monotonic()
    for number in range(count):
        dash_pipe.send_to_pipe_channel(channel_name=CHANNEL, label="row", value=value(number))
        if rate:
            time.sleep(max(0.0, start + (number + 1) / rate - time.monotonic()))


@server.route("/bench/about")
def about() -> flask.Response:
    """The process that serves, and what it runs on."""
    software = flask.request.environ.get("SERVER_SOFTWARE", "")
    return flask.jsonify(
        pid=os.getpid(),
        about=f"dash-pipe {dash_pipe.__version__} in Dash {dash.__version__}, "
        f"Flask {version('flask')}, {software}",
    )


@server.route("/bench/send")
def start_sending() -> flask.Response:
    """Start the sending thread: `?count=1000&rate=0`."""
    count = flask.request.args.get("count", 1, type=int)
    rate = flask.request.args.get("rate", 0.0, type=float)
    threading.Thread(target=send, args=(count, rate), daemon=True).start()
    return flask.jsonify(sending=count)


if __name__ == "__main__":
    from werkzeug.serving import make_server

    make_server("127.0.0.1", 0, server, threaded=True, fd=int(sys.argv[1])).serve_forever()
