"""An app whose jobs send from processes of their own, with messages in memory.

Its callbacks start them, so a test needs no browser. With ALWAYS a thread of it sends, too, in
every process that imports it; with FIRST a job runs before the server does.
"""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import diskcache
import joblib
from dash import Dash, DiskcacheManager, Input, Output, callback, html

from dash_pipe import Pipe, async_send_to_pipe_channel, send_to_pipe_channel
from dash_pipe.diagnostics import GRACE_SECONDS
from recorder import OPTIONS

COUNT = 5

app = Dash(
    __name__,
    background_callback_manager=DiskcacheManager(diskcache.Cache(tempfile.mkdtemp())),
    **OPTIONS,
)
server = app.server
app.layout = html.Div([Pipe(id="pipe", channel_name="jobs"), html.Div(id="job"), html.Div("done")])


def send_some():
    for n in range(COUNT):
        send_to_pipe_channel("jobs", "a", n)


def send_one(n):
    return send_to_pipe_channel("jobs", "a", n).offset


def send_and_vanish():
    send_some()
    os._exit(0)


async def send_async():
    for n in range(COUNT):
        await async_send_to_pipe_channel("jobs", "a", n)


def run_async():
    asyncio.run(send_async())


def process(method, target=send_some):
    job = multiprocessing.get_context(method).Process(target=target)
    job.start()
    job.join()


def pool():
    with ProcessPoolExecutor(1) as executor:
        return list(executor.map(send_one, range(COUNT)))


def loky():
    with joblib.parallel_backend("loky"):
        return joblib.Parallel(n_jobs=2)(joblib.delayed(send_one)(n) for n in range(COUNT))


def script():
    """Run a program that has no app."""
    code = "from dash_pipe import send_to_pipe_channel as send\n"
    code += f"for n in range({COUNT}): send('jobs', 'a', n)"
    directory = Path(__file__).parent
    subprocess.run([sys.executable, "-c", code], cwd=directory, env=dict(os.environ), check=True)


JOBS = {
    "fork": lambda: process("fork"),
    "spawn": lambda: process("spawn"),
    "vanish": lambda: process("fork", send_and_vanish),
    "async": lambda: process("spawn", run_async),
    "pool": pool,
    "loky": loky,
    "script": script,
}


@callback(Output("done", "children"), Input("job", "children"), prevent_initial_call=True)
def start(job):
    return str(JOBS[job]())


@callback(
    Output("done", "title"),
    Input("job", "title"),
    background=True,
    prevent_initial_call=True,
)
def work(_):
    send_some()
    return ""


def send_always():
    """Send also when there is no server yet, and longer than a process has to become one."""
    end = time.monotonic() + GRACE_SECONDS + 1
    while time.monotonic() < end:
        send_to_pipe_channel("clock", "a", 1)
        time.sleep(0.1)
    print("has sent for the grace period")  # noqa: T201


if os.environ.get("ALWAYS"):
    threading.Thread(target=send_always, daemon=True).start()

if __name__ == "__main__":
    if os.environ.get("FIRST"):  # a job before the server
        JOBS[os.environ["FIRST"]]()
    app.run()
