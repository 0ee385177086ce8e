"""A page without a Pipe, in an app that imports dash-pipe."""

from dash import Dash, Input, Output, callback, html

from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)

app.layout = html.Div([html.Button("count", id="count"), html.Div(id="n")])


@callback(Output("n", "children"), Input("count", "n_clicks"), prevent_initial_call=True)
def count(n_clicks):
    return str(n_clicks)
