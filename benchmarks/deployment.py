"""dash-pipe as it is deployed: a Dash app, for `gunicorn deployment:server` or uvicorn.

The benchmark adds two routes: `/bench/about` describes the process, `/bench/send` starts a thread
that sends. `BENCH_BACKEND=fastapi` selects FastAPI, for uvicorn. Run as a script with the number of
a listening socket, it serves the same app with werkzeug's development server.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from importlib.metadata import version

import dash

from message import value

if os.environ.get("BENCH_UVLOOP"):
    import uvloop

    uvloop.install()

import dash_pipe

CHANNEL = "bench"

BACKEND = os.environ.get("BENCH_BACKEND", "flask")

app = dash.Dash(__name__, **({} if BACKEND == "flask" else {"backend": BACKEND}))
app.layout = dash.html.Div("listening")
dash_pipe.setup(app)
server = app.server


def send(count: int, rate: float) -> None:
    """Send `count` messages, `rate` a second; as fast as possible if it is 0."""
    time.sleep(0.05)
    start = time.monotonic()
    for number in range(count):
        dash_pipe.send_to_pipe_channel(channel_name=CHANNEL, label="row", value=value(number))
        if rate:
            time.sleep(max(0.0, start + (number + 1) / rate - time.monotonic()))


def start_sending(count: int = 1, rate: float = 0.0) -> dict[str, object]:
    """Start the sending thread: `?count=1000&rate=0`."""
    threading.Thread(target=send, args=(count, rate), daemon=True).start()
    return {"sending": count}


def about(software: str) -> dict[str, object]:
    """Describe the serving process and its packages."""
    framework = f"{BACKEND} {version(BACKEND)}, {software}"
    return {
        "pid": os.getpid(),
        "about": f"dash-pipe {dash_pipe.__version__} in Dash {dash.__version__}, {framework}",
    }


if BACKEND == "flask":
    import flask

    @server.route("/bench/about")
    def flask_about() -> dict[str, object]:
        return about(flask.request.environ.get("SERVER_SOFTWARE", ""))

    @server.route("/bench/send")
    def flask_send() -> dict[str, object]:
        arguments = flask.request.args
        return start_sending(
            arguments.get("count", 1, type=int), arguments.get("rate", 0.0, type=float)
        )
else:
    # Async, so that no pool of threads is counted with the listeners' threads.
    @server.get("/bench/about")
    async def fastapi_about() -> dict[str, object]:
        return about(f"uvicorn {version('uvicorn')}")

    @server.get("/bench/send")
    async def fastapi_send(count: int = 1, rate: float = 0.0) -> dict[str, object]:
        return start_sending(count, rate)


if __name__ == "__main__":
    from werkzeug.serving import make_server

    make_server("127.0.0.1", 0, server, threaded=True, fd=int(sys.argv[1])).serve_forever()
