"""Count what happens in a process, and log what a stranger can cause within limits."""
