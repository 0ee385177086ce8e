"""A callback that is slower than the stream of messages."""

import time

from dash import Dash, Input, Output, State, callback, html

from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)

app.layout = html.Div(
    [Pipe(id="pipe", channel_name="slow", label="tick"), html.Div(id="last"), html.Div(id="gap")]
)


@callback(
    Output("last", "children"),
    Input("pipe", "value"),
    State("pipe", "messages"),
    State("pipe", "n_messages"),
    prevent_initial_call=True,
)
def work(value, messages, n_messages):
    recorder.record("work", messages, n_messages)
    time.sleep(0.05)  # the work
    return str(value)


@callback(
    Output("gap", "children"),
    Input("pipe", "n_gaps"),
    State("pipe", "last_gap"),
    prevent_initial_call=True,
)
def gap(n_gaps, last_gap):
    recorder.record("gap", n_gaps=n_gaps, last_gap=last_gap)
    return str(n_gaps)
