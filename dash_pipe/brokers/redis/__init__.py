"""The broker that keeps its logs in Redis; each process mirrors the logs that it reads."""
