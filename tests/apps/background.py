"""A background callback, which runs in another process."""

import tempfile
import time

import diskcache
from dash import Dash, DiskcacheManager, Input, Output, State, callback, dcc, html

from dash_pipe import Pipe
from recorder import Recorder

cache = diskcache.Cache(tempfile.mkdtemp())
app = Dash(__name__, background_callback_manager=DiskcacheManager(cache))
server = app.server
recorder = Recorder(server)

app.layout = html.Div(
    [
        Pipe(id="pipe", channel_name="work"),
        Pipe(id="beside", channel_name="work"),
        dcc.Store("calls"),
    ]
)


@callback(
    Output("calls", "data"),
    Input("pipe", "n_messages"),
    State("pipe", "messages"),
    State("calls", "data"),
    background=True,
    interval=100,
    prevent_initial_call=True,
)
def work(_, messages, calls):
    time.sleep(0.3)  # the work; a gate can't hold another process
    return [*(calls or []), [message["value"] for message in messages]]


@callback(Input("beside", "n_messages"), State("beside", "messages"), prevent_initial_call=True)
def look_on(n_messages, messages):
    recorder.record("beside", messages, n_messages)
