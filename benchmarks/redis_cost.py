"""Measure what a channel and a message cost in Redis: bytes, and microseconds of a send.

It runs its own Redis server on loopback, without data on disk. This is not a test: times depend on
the machine and its load. Compare only runs that alternate on one machine.

  channel   bytes of a channel that was sent to once: what Redis says of its keys, and the growth
            of the server's used memory; the mean of all channels
  message   bytes of a message of 120 bytes in a window of that many, likewise
  send      microseconds until a sender has the position of its message, one after the other
  script    microseconds of that inside Redis, by its own statistics
  cpu       microseconds of CPU time of a send in the sender and in Redis, which say more than the
            above on a machine that does much else
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from redis import Redis

from message import text
from server import free_port, redis
from target import HERE

# The package beside this folder, unless PYTHONPATH names another: a checkout of an older commit.
sys.path.append(str(HERE.parent))

from dash_pipe.brokers import Broker, connect
from dash_pipe.log import Limits

LABEL = "row"
SCRIPTS = ("cmdstat_evalsha", "cmdstat_eval", "cmdstat_fcall")


class Memory:
    """The memory that Redis took for the keys that were added since this was made."""

    def __init__(self, client: Redis, *, flush: bool = True) -> None:
        self._client = client
        if flush:
            client.flushall()
        self._before = self._used()

    def figures(self, count: int) -> dict[str, float]:
        """Return the keys and bytes for each of `count` channels or messages."""
        keys = list(self._client.scan_iter(count=1000))
        sizes = [self._client.memory_usage(key, samples=0) or 0 for key in keys]
        return {
            "keys": len(keys) / count,
            "key_bytes": sum(sizes) / count,
            "used_bytes": (self._used() - self._before) / count,
        }

    def _used(self) -> int:
        self._client.memory_purge()
        return int(self._client.info("memory")["used_memory"])


def channels(broker: Broker, client: Redis, count: int) -> dict[str, float]:
    """Send once to each of many channels."""
    broker.publish("warm", LABEL, text(0))  # the script and the connection take memory too
    memory = Memory(client)
    for number in range(count):
        broker.publish(f"channel {number:06}", LABEL, text(number))
    return memory.figures(count)


def messages(broker: Broker, client: Redis, count: int) -> dict[str, float]:
    """Fill the window of one channel."""
    memory = Memory(client)
    for number in range(count):
        broker.publish("window", LABEL, text(number))
    return memory.figures(count)


def sends(broker: Broker, client: Redis, count: int) -> dict[str, float]:
    """Send one message after the other to one channel."""
    texts = [text(number) for number in range(count)]
    client.config_resetstat()
    redis_before = cpu(client)
    start, cpu_start = time.perf_counter(), time.process_time()
    for each in texts:
        broker.publish("sends", LABEL, each)
    took, cpu_took = time.perf_counter() - start, time.process_time() - cpu_start
    stats = client.info("commandstats")
    usec = sum(stats[name]["usec"] for name in SCRIPTS if name in stats)
    return {
        "send_us": took / count * 1e6,
        "script_us": usec / count,
        "sender_cpu_us": cpu_took / count * 1e6,
        "redis_cpu_us": (cpu(client) - redis_before) / count * 1e6,
    }


def cpu(client: Redis) -> float:
    """Return the CPU seconds of the server's main thread."""
    info = client.info("cpu")
    return float(info["used_cpu_user_main_thread"] + info["used_cpu_sys_main_thread"])


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything against a fresh server."""
    port = free_port()
    with redis(port), Redis(port=port) as client:
        broker = connect(f"redis://127.0.0.1:{port}/0", Limits(), 10_000, 10.0)
        try:
            figures: dict[str, Any] = {
                "channel": channels(broker, client, options.channels),
                "message": messages(broker, client, options.messages),
                "sends": [sends(broker, client, options.sends) for _ in range(options.rounds)],
            }
        finally:
            broker.stop()  # type: ignore[attr-defined]
        return {"redis": client.info("server")["redis_version"], **figures}


def lines(figures: dict[str, Any]) -> list[str]:
    """Return the figures as lines of text."""

    def column(name: str, choose: Callable[[list[float]], float]) -> float:
        return choose([each[name] for each in figures["sends"]])

    stored = [
        f"{what}: {found['keys']:.4g} keys, {found['key_bytes']:,.0f} bytes by MEMORY USAGE, "
        f"{found['used_bytes']:,.0f} bytes of used memory"
        for what, found in figures.items()
        if what in ("channel", "message")
    ]
    timed = [
        f"{what}: {column(name, median):.0f} us (median of the rounds), "
        f"{column(name, min):.0f} us (the fastest)"
        for what, name in (
            ("send", "send_us"),
            ("script", "script_us"),
            ("cpu of the sender", "sender_cpu_us"),
            ("cpu of Redis", "redis_cpu_us"),
        )
    ]
    load = f"load {os.getloadavg()[0]:.1f}"
    return [f"Redis {figures['redis']}, {os.cpu_count()} CPUs, {load}", *stored, *timed]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(
        prog="redis_cost.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--channels", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--sends", type=int, default=1000, help="messages in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(argv)
    figures = measure(options)
    print(json.dumps(figures) if options.json else "\n".join(lines(figures)))


if __name__ == "__main__":
    main()
