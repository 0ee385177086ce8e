"""The room on an ASGI server, in a wrapper that drops websockets."""

from a2wsgi import WSGIMiddleware

from room import app, recorder

__all__ = ["app", "recorder"]

server = WSGIMiddleware(app.server)
