"""FastAPI behind a login that guards HTTP alone, as what `middleware("http")` makes does."""

from dash import Dash, html
from fastapi import Response

from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)


@server.middleware("http")
async def login_required(request, call_next):
    if request.cookies.get("name") == "ann" or request.url.path.startswith("/_test"):
        return await call_next(request)
    return Response("log in", 401)


app.layout = html.Div([Pipe(id="pipe", channel_name="locked")])
