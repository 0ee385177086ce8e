"""A Pipe whose `disabled` and `label` are set by callbacks."""

from dash import Dash, Input, Output, State, callback, html

from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)

app.layout = html.Div(
    [
        html.Button("off", id="off"),
        html.Button("on", id="on"),
        html.Button("b", id="b"),
        Pipe(id="pipe", channel_name="switched", label="a"),
        html.Div(id="value"),
    ]
)


@callback(Output("pipe", "disabled"), Input("off", "n_clicks"), prevent_initial_call=True)
def off(_):
    return True


@callback(
    Output("pipe", "disabled", allow_duplicate=True),
    Input("on", "n_clicks"),
    prevent_initial_call=True,
)
def on(_):
    return False


@callback(Output("pipe", "label"), Input("b", "n_clicks"), prevent_initial_call=True)
def relabel(_):
    return "b"


@callback(
    Output("value", "children"),
    Input("pipe", "value"),
    State("pipe", "messages"),
    prevent_initial_call=True,
)
def show(value, messages):
    recorder.record("show", messages, value=value)
    return str(value)
