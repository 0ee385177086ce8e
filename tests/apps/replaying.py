"""A Pipe that shows the current state of two labels when its page loads."""

from dash import Dash, Input, Output, State, callback, html

from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)

app.layout = html.Div(
    [
        Pipe(id="pipe", channel_name="state", label=["heat", "light"], replay=1),
        html.Div(id="value"),
    ]
)


@callback(
    Output("value", "children"),
    Input("pipe", "n_messages"),
    State("pipe", "messages"),
    prevent_initial_call=True,
)
def show(n_messages, messages):
    recorder.record("show", messages, n_messages)
    return str(messages[-1]["value"])
