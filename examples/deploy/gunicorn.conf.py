"""gunicorn for the app; `gunicorn app:server`, started in this directory, reads it by itself."""

bind = "127.0.0.1:8000"
workers = 2  # twice the cores is a good start: a worker is busy while a callback runs

# A websocket takes no worker and no thread, whoever holds it. A worker that is replaced says
# goodbye to its browsers, which come back to another and read on where they were; so these do no
# harm.
max_requests = 10_000
max_requests_jitter = 1_000
