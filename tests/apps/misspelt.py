"""A page with Dash's dev tools, and a Pipe whose label nobody sends to."""

import os

from dash import Dash, html

from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

# `app.run()` sets the dev tools again, and reads these.
os.environ.update(DASH_UI="true", DASH_DISABLE_VERSION_CHECK="true")

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)
app.enable_dev_tools(debug=False)

app.layout = html.Div(Pipe(id="pipe", channel_name="jobs", label="progres"))
