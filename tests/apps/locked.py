"""The room behind a login that guards HTTP alone, like `middleware("http")` of FastAPI."""

from fastapi import Response

from room import app, server  # noqa: F401


@server.middleware("http")
async def login_required(request, call_next):
    if request.cookies.get("name") == "ann" or request.url.path.startswith("/_test"):
        return await call_next(request)
    return Response("log in", 401)
