"""The same, with the endpoint beside it: `asgi_app()` is mounted before the wrapped app."""

from starlette.applications import Starlette
from starlette.routing import Mount

from dash_pipe import asgi_app
from wrapped import server as wrapped

server = Starlette(routes=[Mount("/_pipe", asgi_app()), Mount("/", wrapped)])
