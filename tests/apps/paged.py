"""Dash Pages: a Pipe on the first page, none on the second, one with the same id on the third."""

from dash import Dash, Input, Output, State, callback, dcc, html, page_container, register_page

from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS, use_pages=True, pages_folder="")
server = app.server
recorder = Recorder(server)

PATHS = {"first": "/", "second": "/second", "third": "/third"}


def listening(name):
    return html.Div(
        [
            html.H1(name, id=f"is-{name}"),
            Pipe(id="pipe", channel_name="pages", throttle=1),  # a test stops the clock for it
            html.Div(id="value"),
        ]
    )


register_page("first", path=PATHS["first"], layout=listening("first"))
register_page("second", path=PATHS["second"], layout=html.H1("second", id="is-second"))
register_page("third", path=PATHS["third"], layout=listening("third"))

links = [dcc.Link(name, href=path, id=f"to-{name}") for name, path in PATHS.items()]
app.layout = html.Div([*links, page_container])


@callback(
    Output("value", "children"),
    Input("pipe", "value"),
    State("pipe", "messages"),
    prevent_initial_call=True,
)
def show(value, messages):
    recorder.record("show", messages, value=value)
    return str(value)
