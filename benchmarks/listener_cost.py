"""Measure what channels with a listener cost while nothing is sent: in Redis, and in their process.

It runs its own Redis server on loopback, without data on disk. The listeners are counted in without
sockets, since those cost the same on any broker. This is not a test: times depend on the machine
and its load.

  channel   a channel that a process follows, as one that a page has left a moment ago
  listener  a channel with a browser, which the processes tell each other through Redis
  source    a channel with a browser, and a run of a source that waits

For each: seconds until Redis knows of all, keys and bytes in Redis and bytes in the process, for
one channel; and in the idle time after that the commands and bytes to Redis, and the shares of a
CPU of Redis and of the process, in a second for all channels.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from redis import Redis

from redis_cost import Memory, cpu
from server import free_port, redis
from target import HERE

# The package beside this folder, unless PYTHONPATH names another: a checkout of an older commit.
sys.path.append(str(HERE.parent))

import dash_pipe
from dash_pipe import runtime
from dash_pipe.brokers.redis.presence import listeners_key

LABELS = frozenset(["row"])
POLL = 0.1  # seconds between two looks
BOUND = 300.0  # seconds until all have to be known
OWN_COMMANDS = ("info", "config|resetstat")  # of the measurement
KINDS = ("channel", "listener", "source")


async def wait_for_ever(name: str) -> AsyncIterator[str]:
    """Send nothing, as long as somebody listens."""
    await asyncio.Event().wait()
    yield name


def listen(kind: str, names: Sequence[str]) -> None:
    """Have somebody listen on channels."""
    current = runtime.current()
    for name in names:
        current.broker.open(name)
        if kind != "channel":
            current.audience.enter(name, LABELS)


def wait_until_known(kind: str, client: Redis, names: Sequence[str]) -> None:
    """Wait until Redis knows of the listeners, each mirror has its epoch, each source its lease.

    Raises:
        TimeoutError: it takes too long.
    """
    deadline = time.monotonic() + BOUND
    broker = runtime.current().broker
    logs = [broker.open(name) for name in names]
    tests: dict[str, Callable[[], int]] = {
        "channel": lambda: sum(bool(log.epoch) for log in logs),
        "listener": lambda: int(client.exists(*map(listeners_key, names))),
        "source": lambda: sum(1 for _ in client.scan_iter("*:source:*", count=1000)),
    }
    for test in [tests[each] for each in KINDS[: KINDS.index(kind) + 1]]:
        while test() < len(names):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{test()} of {len(names)} are known after {BOUND:g} s")
            time.sleep(POLL)


def idle(client: Redis, seconds: float) -> dict[str, Any]:
    """Return what a second costs in which nothing happens."""
    client.config_resetstat()
    redis_cpu, own_cpu, begun_at = cpu(client), time.process_time(), time.monotonic()
    bytes_before = client.info("stats")["total_net_input_bytes"]
    time.sleep(seconds)
    took, own = time.monotonic() - begun_at, time.process_time() - own_cpu
    stats, net = client.info("commandstats"), client.info("stats")["total_net_input_bytes"]
    calls = {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()}
    return {
        "commands": {
            name: number / took for name, number in calls.items() if name not in OWN_COMMANDS
        },
        "bytes": (net - bytes_before) / took,
        "redis_cpu": (cpu(client) - redis_cpu) / took,
        "process_cpu": own / took,
    }


def resident() -> int:
    """Return the bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(kind: str, count: int, seconds: float) -> dict[str, Any]:
    """Measure one kind in this process, which is a new one, against a fresh server."""
    port = free_port()
    with redis(port), Redis(port=port) as client:
        dash_pipe.configure(broker=f"redis://127.0.0.1:{port}/0")
        if kind == "source":
            dash_pipe.source("channel {name}", label="row")(wait_for_ever)
        listen(kind, ["channel warm"])  # the threads and connections take memory too
        wait_until_known(kind, client, ["channel warm"])
        memory, before, begun_at = Memory(client, flush=False), resident(), time.monotonic()
        names = [f"channel {number:06}" for number in range(count)]
        listen(kind, names)
        wait_until_known(kind, client, ["channel warm", *names])
        took = time.monotonic() - begun_at
        stored, own = memory.figures(count), (resident() - before) / count
        figures = {
            "seconds": took,
            **stored,
            "process_bytes": own,
            **idle(client, seconds),
            "redis": client.info("server")["redis_version"],
        }
        runtime.current().end()
        runtime.current().broker.stop()  # type: ignore[attr-defined]
        return figures


def measured(kind: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one kind in a new process."""
    numbers = ["--channels", str(options.channels), "--seconds", str(options.seconds)]
    command = [sys.executable, __file__, "--json", "--kind", kind, *numbers]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=2 * BOUND)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def lines(kind: str, figures: dict[str, Any]) -> list[str]:
    """Return the figures as lines of text."""
    commands = figures["commands"]
    shown = ", ".join(f"{name} {each:,.1f}" for name, each in sorted(commands.items()))
    return [
        f"{kind}: {figures['seconds']:.1f} s until known; {figures['keys']:.4g} keys, "
        f"{figures['key_bytes']:,.0f} bytes by MEMORY USAGE, {figures['used_bytes']:,.0f} bytes of "
        f"used memory, {figures['process_bytes']:,.0f} bytes of the process",
        f"  idle: {sum(commands.values()):,.1f} commands/s ({shown}), {figures['bytes']:,.0f} "
        f"bytes/s to Redis, CPU {figures['redis_cpu']:.1%} of Redis, {figures['process_cpu']:.1%} "
        "of the process",
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(
        prog="listener_cost.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--channels", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=40.0, help="of the idle time")
    parser.add_argument("--kind", choices=KINDS, help="measure one of them, in this process")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(argv)
    if options.kind:
        found = {options.kind: measure(options.kind, options.channels, options.seconds)}
    else:
        found = {kind: measured(kind, options)[kind] for kind in KINDS}
    if options.json:
        print(json.dumps(found))
        return
    version = next(iter(found.values()))["redis"]
    load = f"load {os.getloadavg()[0]:.1f}"
    print(f"Redis {version}, {os.cpu_count()} CPUs, {load}; {options.channels:,} channels")
    for kind, figures in found.items():
        print("\n".join(lines(kind, figures)))


if __name__ == "__main__":
    main()
