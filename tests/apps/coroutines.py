"""A callback that runs an event loop, and a Pipe on the same page."""

import asyncio

from dash import Dash, Input, Output, callback, html

from dash_pipe import Pipe
from recorder import Recorder

app = Dash(__name__, use_async=False)  # otherwise Dash would already run a callback in a loop
server = app.server
recorder = Recorder(server)

app.layout = html.Div(
    [
        html.Button("run", id="run"),
        Pipe(id="pipe", channel_name="room"),
        html.Div(id="ran"),
        html.Div(id="value"),
    ]
)


@callback(Output("ran", "children"), Input("run", "n_clicks"), prevent_initial_call=True)
def run(n_clicks):
    return asyncio.run(answer(n_clicks))


async def answer(n_clicks):
    await asyncio.sleep(0.05)  # the work
    return f"run {n_clicks}"


@callback(Output("value", "children"), Input("pipe", "value"), prevent_initial_call=True)
def show(value):
    return str(value)
