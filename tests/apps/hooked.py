"""The same, with a hook of Dash that guards websockets too: nobody may."""

import dash

from locked import app, recorder, server

__all__ = ["app", "recorder", "server"]


@dash.hooks.websocket_connect()
async def nobody(websocket):
    return (4001, "not even " + websocket.cookies["name"])
