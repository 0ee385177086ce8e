"""The sessions of a process: their subscriptions, their heartbeats, the fan-out. No sockets."""
