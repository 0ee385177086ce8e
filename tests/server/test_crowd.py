"""One process with five hundred open listeners."""

import asyncio
import sys

import pytest

from harness.app import App
from harness.crowd import Crowd
from harness.process import children, figures
from harness.server import Server
from harness.wait import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

LISTENERS = 500
MESSAGES = 100
ROUNDS = 16  # memory grows for some twelve rounds, then no more


# A sync worker gets a thread for the loop; uvicorn has a loop, gevent greenlets. The first runs
# longer, to check that it gives back the memory of a crowd.
@pytest.mark.parametrize(
    ("host", "added", "rounds"),
    [("gunicorn-sync", 1, ROUNDS), ("uvicorn", 0, 4), ("gunicorn-gevent", 0, 4)],
)
def test_one_process_serves_500_listeners_and_frees_their_memory(host, added, rounds, tmp_path):
    with Server(host, "room", tmp_path / "log") as server:
        app = App(server.url)
        (worker,) = children(server.pid) or [server.pid]

        async def crowd_comes_and_goes():
            async with Crowd(server.url, LISTENERS, "room") as crowd:
                hearing = asyncio.create_task(crowd.hear(MESSAGES))
                # A separate request, answered by the one process that holds all the sockets.
                await asyncio.to_thread(app.send, *[("room", "news", n) for n in range(MESSAGES)])
                heard = await hearing
                return heard, figures(worker)

        def settled():
            return figures(worker).descriptors <= before.descriptors + 10

        app.send(("room", "news", "a warm-up"))  # for the threads of the app's routes
        before = figures(worker)
        looks = []
        for _ in range(rounds):
            heard, look = asyncio.run(crowd_comes_and_goes())
            assert all(offsets == heard[0] for offsets in heard)
            assert heard[0] == list(range(heard[0][0], heard[0][0] + MESSAGES))
            looks.append(look)
            wait_for(settled, "the sockets to be closed")

        assert {look.threads for look in looks} == {before.threads + added}
        assert looks[0].descriptors > LISTENERS
        # The memory of a crowd is free for the next as soon as Python's collector has run.
        if rounds == ROUNDS:
            crowd = looks[0].resident_kib - before.resident_kib
            assert looks[-1].resident_kib - looks[-3].resident_kib < crowd * 0.1
        assert server.tracebacks() == []
