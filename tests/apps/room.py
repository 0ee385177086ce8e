"""A button that sends to everyone, and a Pipe that shows its value.

The variable PIPE holds the properties of the Pipe, as JSON.
"""

import json
import os

from dash import Dash, Input, Output, State, callback, html

from dash_pipe import Pipe, send_to_pipe_channel
from recorder import OPTIONS, Recorder

PIPE = json.loads(os.environ.get("PIPE", '{"channel_name": "room", "label": "news"}'))

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)

app.layout = html.Div(
    [html.Button("tell", id="tell"), Pipe(id="pipe", **PIPE), html.Div(id="value")]
)


@callback(Input("tell", "n_clicks"), prevent_initial_call=True)
def tell(n_clicks):
    send_to_pipe_channel(channel_name="room", label="news", value=f"click {n_clicks}")


@callback(
    Output("value", "children"),
    Input("pipe", "n_messages"),
    State("pipe", "value"),
    State("pipe", "messages"),
    prevent_initial_call=True,
)
def show(n_messages, value, messages):
    recorder.record("show", messages, n_messages, value=value)
    return str(value)
