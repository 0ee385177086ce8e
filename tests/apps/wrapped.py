"""A Flask app on an ASGI server, with a wrapper around it that hands no websockets on."""

from a2wsgi import WSGIMiddleware

from room import app, recorder

__all__ = ["app", "recorder"]

server = WSGIMiddleware(app.server)
