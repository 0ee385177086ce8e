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
ROUNDS = 8
LEAK_KIB = 1  # for each listener that has left; 60 to 150 KiB a round are ordinary


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
        looks, objects = [], []
        for _ in range(rounds):
            heard, look = asyncio.run(crowd_comes_and_goes())
            assert all(offsets == heard[0] for offsets in heard)
            assert heard[0] == list(range(heard[0][0], heard[0][0] + MESSAGES))
            looks.append(look)
            wait_for(settled, "the sockets to be closed")
            objects.append(app.objects())  # and the memory of this crowd is free for the next

        assert {look.threads for look in looks} == {before.threads + added}
        assert looks[0].descriptors > LISTENERS
        # A leak costs an object or more for each listener. The log keeps the messages.
        assert growth(objects) < MESSAGES + LISTENERS / 2
        if rounds == ROUNDS:
            assert growth([look.resident_kib for look in looks]) < LISTENERS * LEAK_KIB
        assert server.tracebacks() == []


def growth(numbers):
    """Return the growth in a round, over the second half of the rounds."""
    half = numbers[len(numbers) // 2 - 1 :]
    return (half[-1] - half[0]) / (len(half) - 1)
