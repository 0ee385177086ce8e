"""The work and its reports: `celery -A tasks worker` runs this, and the page starts it."""

import os
import signal
import time
import uuid

from celery import Celery
from celery.signals import task_failure

import dash_pipe

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")

# One Redis for both: Celery's queue, and the messages to the pages. A report waits half a minute
# while Redis restarts.
dash_pipe.configure(broker=REDIS, send_timeout=30)
celery = Celery("tasks", broker=REDIS)
celery.conf.update(
    task_ignore_result=True,  # results go to the page; nobody reads them from Celery
    task_acks_late=True,  # if a whole worker is killed, another one does its task
    broker_transport_options={"visibility_timeout": 900},  # soon after that; above any time_limit
    broker_connection_retry_on_startup=True,
)


def channel(task_id: str) -> str:
    """Return the channel of a task; its labels are `progress` and `done`."""
    return f"task {task_id}"


def start(steps: int, trouble: str = "") -> str:
    """Queue a task, and return its id."""
    task_id = str(uuid.uuid4())
    crunch.apply_async((steps, trouble), task_id=task_id)
    return task_id


@celery.task(bind=True, time_limit=600)
def crunch(self, steps: int, trouble: str):
    """Work for a while; trouble may come halfway."""
    for step in range(steps):
        dash_pipe.send_to_pipe_channel(channel(self.request.id), "progress", step / steps)
        time.sleep(0.1)
        if trouble and step >= steps / 2:
            meet(trouble)
    finish(self.request.id, ok=True, text=f"{steps} steps done")


def meet(trouble: str):
    if trouble == "kill":
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does if memory runs out
    raise ValueError("the data make no sense")


# Celery calls this for every failure: an exception, a time limit, a killed process.
@task_failure.connect
def fail(task_id: str, exception: BaseException, **_):
    finish(task_id, ok=False, text=str(exception))


def finish(task_id: str, *, ok: bool, text: str):
    dash_pipe.send_to_pipe_channel(channel(task_id), "done", {"ok": ok, "text": text})
