"""A source of 1,000 messages a second, a thread's or a loop's, beside a callback."""

import asyncio
import time

from dash import Dash, Input, Output, callback, html

import dash_pipe
from recorder import OPTIONS

TEXT = "x" * 100
AT_ONCE = 10  # messages
EVERY = 0.01  # seconds

app = Dash(__name__, **OPTIONS)
server = app.server
app.layout = html.Div([html.Button(id="button"), html.Div(id="answer")])


@callback(Output("answer", "children"), Input("button", "n_clicks"), prevent_initial_call=True)
def answer(n_clicks):
    return [f"{number} of {n_clicks}" for number in range(20)]


@dash_pipe.source("thread", label="n")
def of_a_thread():
    due = time.monotonic()
    while True:
        for _ in range(AT_ONCE):
            yield TEXT
        due += EVERY
        time.sleep(max(0.0, due - time.monotonic()))


@dash_pipe.source("loop", label="n")
async def of_a_loop():
    due = time.monotonic()
    while True:
        for _ in range(AT_ONCE):
            yield TEXT
        due += EVERY
        await asyncio.sleep(max(0.0, due - time.monotonic()))
