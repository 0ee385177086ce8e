"""A Pipe on the demo's channel, of an app that takes messages over HTTP."""

from dash import Dash, Input, Output, State, callback, html

import dash_pipe
from recorder import OPTIONS, Recorder

dash_pipe.configure(http_poke_enabled=True)

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)

app.layout = html.Div(
    [
        dash_pipe.Pipe(id="pipe", channel_name="live_button_counter", label="named_counts"),
        html.Div(id="value"),
    ]
)


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
