"""An app that does not live at the root."""

from dash import Dash, Input, Output, State, callback, html

from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS, url_base_pathname="/some/where/")
server = app.server
recorder = Recorder(server)

app.layout = html.Div([Pipe(id="pipe", channel_name="far"), html.Div(id="value")])


@callback(
    Output("value", "children"),
    Input("pipe", "value"),
    State("pipe", "messages"),
    prevent_initial_call=True,
)
def show(value, messages):
    recorder.record("show", messages, value=value)
    return str(value)
