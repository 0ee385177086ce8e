"""Carry frames between the hub and a web server's sockets: WSGI and ASGI, loops and threads."""
