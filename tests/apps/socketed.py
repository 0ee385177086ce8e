"""Callbacks that Dash (4.2 and later) sends over its own websocket."""

import time

from dash import Dash, Input, Output, State, callback, dcc, html

from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)

app.layout = html.Div([Pipe(id="pipe", channel_name="socketed"), dcc.Store(id="kept")])

WORK = 0.05  # seconds of work of a callback, many times the interval of messages


@callback(
    Output("kept", "data"),
    Input("pipe", "n_messages"),
    State("pipe", "messages"),
    State("kept", "data"),
    prevent_initial_call=True,
    websocket=True,
)
def keep(_, messages, data):
    recorder.record("keep", messages)
    time.sleep(WORK)
    return (data or []) + [message["value"] for message in messages]
