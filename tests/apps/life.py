"""An app whose server restarts. Run as a script, `app.run()` serves it in debug mode."""

import os
import time

from dash import Dash, Input, Output, State, callback, html
from flask import Flask

from dash_pipe import Pipe, send_to_pipe_channel
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)

app.layout = html.Div(
    [
        Pipe(id="pipe", channel_name="life"),
        html.Div(id="value"),
        html.Div(id="gaps"),
        html.Div(os.getpid(), id="pid"),
    ]
)
# With --preload this runs in the parent of the workers, and no page receives it.
send_to_pipe_channel(channel_name="life", label="any", value="born")


@callback(Output("value", "children"), Input("pipe", "value"), prevent_initial_call=True)
def show(value):
    return str(value)


@callback(
    Output("gaps", "children"),
    Input("pipe", "n_gaps"),
    State("pipe", "last_gap"),
    prevent_initial_call=True,
)
def gaps(n_gaps, last_gap):
    return f"{n_gaps} {last_gap['cause']}"


if isinstance(server, Flask):

    @server.route("/_test/pid")
    def pid():
        return str(os.getpid())

    @server.route("/_test/hang")
    def hang():
        time.sleep(60)  # until the server's own timeout
        return ""


if __name__ == "__main__":
    # Without Dash's reload of the page, which would hide whether the Pipe reconnects.
    app.run(debug=True, dev_tools_hot_reload=False, dev_tools_ui=False)
