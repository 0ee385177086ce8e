"""One measurement of one server: start it, warm it up, listen, send, count."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from child import ProcessFailedError
from clients import listening
from server import Server, serving


@dataclass(frozen=True)
class Scenario:
    """The load on a server; `rate` 0 is a burst, and without messages only memory is read."""

    name: str
    listeners: int
    messages: int
    rate: float = 0.0
    timeout: float = 120.0


def percentile(values: list[int], share: float) -> float:
    """Return the value below which `share` of the sorted values lie."""
    return float(values[min(len(values) - 1, int(share * len(values)))])


def measure(name: str, scenario: Scenario, clients: int, uvloop: bool) -> dict[str, object]:
    """Run the scenario once against a fresh server; return figures by name.

    The server first gets 20 listeners and 20 messages. Then its memory at rest is read, so the
    cost of first use is not counted as a cost of listeners.
    """
    with serving(name, uvloop) as server:
        warm_up(server, scenario)
        time.sleep(0.5)
        memory, threads = server.status("VmRSS"), server.status("Threads")
        with listening(server, scenario.listeners, clients) as listeners:
            time.sleep(1)
            grown, now = server.status("VmRSS") - memory, server.status("Threads")
            held: dict[str, object] = {
                "about": server.about,
                "rss_kib": memory,
                "kib_a_listener": grown / scenario.listeners,
                "threads": threads,
                "threads_listening": now,
            }
            if not scenario.messages:
                return held
            listeners.begin(
                messages=scenario.messages, timeout=scenario.timeout, latency=bool(scenario.rate)
            )
            server.send(scenario.messages, scenario.rate)
            cpu = server.cpu()  # the thread begins a moment later
            answers = listeners.answers()
            cpu = server.cpu() - cpu
            held["peak_kib"] = server.status("VmHWM")
        return held | figures(name, scenario, answers, cpu)


def warm_up(server: Server, scenario: Scenario) -> None:
    """Give a server its first listeners and messages."""
    with listening(server, 20) as warm:
        if scenario.messages:
            warm.begin(messages=20, timeout=10, latency=False)
            server.send(20, 0)
            warm.answers()


def figures(
    name: str, scenario: Scenario, answers: list[dict[str, Any]], cpu: float
) -> dict[str, object]:
    """Return the figures of what the clients received, and of the server's CPU seconds.

    Raises:
        ProcessFailedError: no client received anything.
    """
    problems = [problem for answer in answers for problem in answer["problems"]]
    first = min((answer["first"] for answer in answers if answer["first"]), default=0)
    if not first:
        raise ProcessFailedError(f"{name} delivered nothing; {problems}")
    seconds = (max(answer["last"] for answer in answers) - first) / 1e9
    expected = scenario.listeners * scenario.messages
    found: dict[str, object] = {
        "lost": expected - sum(answer["received"] for answer in answers),
        "problems": problems,
        "seconds": seconds,
        "server_cpu": cpu,
        "server_busy": cpu / seconds,
        "client_busy": max(answer["cpu"] for answer in answers) / seconds,
        "cpu_us_a_delivery": cpu / expected * 1e6,
    }
    if distinct := sum(answer["distinct"] for answer in answers):
        found |= {"frames": sum(a["frames"] for a in answers), "distinct_frames": distinct}
    if not scenario.rate:
        return found | {"deliveries_a_second": expected / seconds}
    latencies = sorted(us for answer in answers for us in answer["latencies"])
    return found | {"p50_us": percentile(latencies, 0.5), "p99_us": percentile(latencies, 0.99)}
