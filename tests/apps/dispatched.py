"""Two Dash apps under paths of another server. Each is written for the root."""

import os

from dash import Dash, Input, Output, State, html

from dash_pipe import Pipe
from recorder import BACKEND, OPTIONS, Recorder


def page(path):
    """Return a Dash app for a path; both apps listen on one channel."""
    app = Dash(
        f"app{path}",
        **OPTIONS,
        requests_pathname_prefix=f"{os.environ.get('ROOT_PATH', '')}{path}/",
        routes_pathname_prefix="/",
    )
    app.layout = html.Div([Pipe(id="pipe", channel_name="far"), html.Div(id="value")])
    recorder = Recorder(app.server)

    @app.callback(
        Output("value", "children"),
        Input("pipe", "value"),
        State("pipe", "messages"),
        prevent_initial_call=True,
    )
    def show(value, messages):
        recorder.record("show", messages, value=value)
        return f"{path}: {value}"

    return app.server


paths = {path: page(path) for path in ("/one", "/two")}
if BACKEND == "flask":
    from flask import Flask
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    server = DispatcherMiddleware(Flask("root"), paths)
else:
    from fastapi import FastAPI

    def at_the_root(inner):
        """Remove the mount from the path: Starlette leaves it there, and Dash finds no page."""

        async def app(scope, receive, send):
            path = scope["path"].removeprefix(scope["root_path"])
            await inner({**scope, "path": path, "root_path": ""}, receive, send)

        return app

    server = FastAPI()
    for path, inner in paths.items():
        server.mount(path, at_the_root(inner))
