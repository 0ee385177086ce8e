"""gunicorn for the app; `gunicorn app:server`, started in this directory, reads it by itself."""

import os

bind = "127.0.0.1:8000"
workers = 2  # twice the cores is a good start: a worker is busy while a callback runs

# A websocket takes no worker and no thread, whoever holds it. A worker that is replaced says
# goodbye to its browsers, which come back to another and read on where they were; so these do no
# harm.
max_requests = 10_000
max_requests_jitter = 1_000


def post_worker_init(worker):
    """Make a page before the browsers come: until it has made one, Dash does not know its files.

    Where a worker has several threads, the first page's files may else be asked for too early.
    """
    worker.wsgi.test_client().get(os.environ["DASH_URL_BASE_PATHNAME"])
