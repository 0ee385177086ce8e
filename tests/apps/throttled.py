"""A Pipe that updates at most every 400 ms."""

from dash import Dash, Input, Output, State, callback, html

from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)

app.layout = html.Div([Pipe(id="pipe", channel_name="often", throttle=400), html.Div(id="value")])


@callback(
    Output("value", "children"),
    Input("pipe", "value"),
    State("pipe", "messages"),
    prevent_initial_call=True,
)
def show(value, messages):
    recorder.record("show", messages, value=value)
    return str(value)
