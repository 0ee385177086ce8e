"""The wrapped app, with `asgi_app()` mounted outside the wrapper."""

from starlette.applications import Starlette
from starlette.routing import Mount

from dash_pipe import asgi_app
from wrapped import server as wrapped

server = Starlette(routes=[Mount("/_pipe", asgi_app()), Mount("/", wrapped)])
