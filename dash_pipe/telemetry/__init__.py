"""Count what happens in a process, and limit how often a stranger can cause it."""
