"""gunicorn for the app; `gunicorn app:server` in this directory reads this file."""

import os

bind = "127.0.0.1:8000"
workers = 2  # twice the cores is a good start: a worker is busy while a callback runs

# A websocket takes no worker and no thread, here or in the gateway. A worker that is replaced
# closes its websockets; the browsers reconnect to another and resume. So these do no harm.
max_requests = 10_000
max_requests_jitter = 1_000


def post_worker_init(worker):
    """Make a page before the browsers come: until then Dash does not know its files.

    With several threads per worker, the first page's files may otherwise be requested too early.
    """
    worker.wsgi.test_client().get(os.environ["DASH_URL_BASE_PATHNAME"])
