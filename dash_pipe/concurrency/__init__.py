"""Handle threads, greenlets and forks: one part of a kind per process, bounded thread pools."""
