"""Threads, greenlets and forks: parts that a process has one of, and a bounded pool of threads."""
