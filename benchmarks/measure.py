"""One measurement of one server: start it, warm it up, listen, send, count."""

from __future__ import annotations

import time
from dataclasses import dataclass

from child import ProcessFailedError
from clients import listening
from server import serving


@dataclass(frozen=True)
class Scenario:
    """What is asked of a server; `rate` 0 is a burst, and no messages are a look at its memory."""

    name: str
    listeners: int
    messages: int
    rate: float = 0.0
    timeout: float = 120.0


def percentile(values: list[int], share: float) -> float:
    """The value below which `share` of the sorted values lie."""
    return float(values[min(len(values) - 1, int(share * len(values)))])


def measure(name: str, scenario: Scenario, clients: int, uvloop: bool) -> dict[str, object]:
    """Run the scenario once against a fresh server; figures by name.

    The server has had 20 listeners and 20 messages before the memory at rest is read, so that what
    a first use costs once is not laid at the listeners' door.
    """
    with serving(name, uvloop) as server:
        with listening(server, 20) as warm:
            if scenario.messages:
                warm.begin(messages=20, timeout=10, latency=False)
                server.send(20, 0)
                warm.answers()
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
            burst = not scenario.rate
            listeners.begin(messages=scenario.messages, timeout=scenario.timeout, latency=not burst)
            server.send(scenario.messages, scenario.rate)
            cpu = server.cpu()  # it begins a moment later
            said = listeners.answers()
            cpu = server.cpu() - cpu
            peak = server.status("VmHWM")
        problems = [problem for answer in said for problem in answer["problems"]]
        first = min((answer["first"] for answer in said if answer["first"]), default=0)
        if not first:
            raise ProcessFailedError(f"{name} delivered nothing; {problems}")
        seconds = (max(answer["last"] for answer in said) - first) / 1e9
        expected = scenario.listeners * scenario.messages
        lost = expected - sum(answer["received"] for answer in said)
        figures = held | {
            "lost": lost,
            "problems": problems,
            "seconds": seconds,
            "server_cpu": cpu,
            "server_busy": cpu / seconds,
            "client_busy": max(answer["cpu"] for answer in said) / seconds,
            "peak_kib": peak,
            "cpu_us_a_delivery": cpu / expected * 1e6,
        }
        if distinct := sum(answer["distinct"] for answer in said):
            figures |= {"frames": sum(a["frames"] for a in said), "distinct_frames": distinct}
        if burst:
            figures["deliveries_a_second"] = expected / seconds
        else:
            latencies = sorted(us for answer in said for us in answer["latencies"])
            figures |= {"p50_us": percentile(latencies, 0.5), "p99_us": percentile(latencies, 0.99)}
        return figures
