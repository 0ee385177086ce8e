"""Sources of each kind. They write each number into a file before they yield it.

LEDGER is the file, which tests/harness/ledger.py reads; EVERY is the time between two numbers, and
LINGER that of the sources. As a program it runs with Flask's reloader.
"""

import asyncio
import logging
import os
import secrets
import time
from itertools import count

from dash import Dash, html

import dash_pipe
from recorder import OPTIONS

LEDGER = os.environ["LEDGER"]
EVERY = float(os.environ.get("EVERY", "0.02"))
LINGER = float(os.environ.get("LINGER", "0.5"))

logging.basicConfig(format="%(relativeCreated)d %(process)d %(message)s")
logging.getLogger("dash_pipe").setLevel(logging.INFO)  # the lines about the beginnings and ends

app = Dash(__name__, **OPTIONS)
server = app.server
app.layout = html.Div()


class Run:
    """A run of a source, and its counter."""

    def __init__(self, channel):
        self._id = secrets.token_hex(4)
        self._channel = channel
        self._numbers = count()
        self._write("begin")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._write("end")

    def next(self):
        """Return the next value, which is written down."""
        number = next(self._numbers)
        self._write(number)
        return [self._id, number]

    def _write(self, what):
        line = f"{time.monotonic():.6f} {os.getpid()} {self._id} {self._channel} {what}\n"
        file = os.open(LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, line.encode())
        os.close(file)


@dash_pipe.source("plain", label="n", linger=LINGER)
def plain():
    with Run("plain") as run:
        while True:
            yield run.next()
            time.sleep(EVERY)


@dash_pipe.source("async", label="n", linger=LINGER)
async def asynchronous():
    with Run("async") as run:
        while True:
            yield run.next()
            await asyncio.sleep(EVERY)


@dash_pipe.source("of-{name}", label="n", linger=LINGER)
def of_name(name):
    with Run(f"of-{name}") as run:
        while True:
            yield run.next()
            time.sleep(EVERY)


called = {}  # the run of a process, since a function that is called knows of none


@dash_pipe.source("called", label="n", every=EVERY, linger=LINGER)
def call():
    pid = os.getpid()
    if pid not in called:
        called[pid] = Run("called")
    return called[pid].next()


if __name__ == "__main__":
    app.run(debug=True, host="127.0.0.1", port=int(os.environ["PORT"]))
