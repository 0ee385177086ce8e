"""The stage, on a server with a short heartbeat."""

import dash_pipe
from stage import app, server  # noqa: F401

dash_pipe.configure(heartbeat_interval=1.0)
