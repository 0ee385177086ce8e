"""The room behind that login, with a hook of Dash that rejects every websocket."""

import dash

from locked import app, server  # noqa: F401


@dash.hooks.websocket_connect()
async def nobody(websocket):
    return (4001, "not even " + websocket.cookies["name"])
