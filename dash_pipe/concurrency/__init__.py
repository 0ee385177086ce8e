"""Threads, greenlets and forks: one of each thing per process, and a bounded pool of threads."""
