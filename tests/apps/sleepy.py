"""The stage, of a server that soon misses a page that says nothing."""

import dash_pipe
from stage import app, server  # noqa: F401

dash_pipe.configure(heartbeat_interval=1.0)
