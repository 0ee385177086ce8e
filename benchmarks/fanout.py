"""Measure the fan-out of dash-pipe, and of websockets.broadcast and picows.

From `send_to_pipe_channel` in a Dash app under gunicorn to the bytes at raw websocket clients, on
one machine over loopback. This is not a test: figures depend on the machine and its load. Compare
only figures of one run: its measurements are interleaved (A, B, C, A, B, C, ...), and each has a
fresh server process.

  burst     messages of 120 bytes as fast as possible: deliveries a second, from the first send
            until the last listener has the last message; a lost message is an error
  steady    50 messages a second to 100 listeners: latency and the server's CPU time
  memory    the memory and threads of the server per idle listener; read in the burst with the
            most listeners, before anything is sent

The exit status is 1 if dash-pipe lost a message, otherwise 0: goals are shown, not enforced.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from child import ProcessFailedError
from measure import Scenario, measure
from report import Results, goals, table
from target import NEEDS, missing


def scenarios(quick: bool) -> list[Scenario]:
    """Return the scenarios; a quick run sends fewer messages to the same listeners."""
    return [
        Scenario("burst to 100", 100, 1000),
        Scenario("burst to 1,000", 1000, 500 if quick else 1000),
        Scenario("steady", 100, 100 if quick else 300, rate=50),
        Scenario("idle", 1000, 0),
    ]


def asks(scenario: Scenario, name: str) -> bool:
    """Return whether a scenario is for a server."""
    if name.endswith("-threaded"):
        return bool(scenario.rate)  # in a burst, the step from thread to thread does not matter
    if name in ("bare", "dash-pipe-endpoint"):
        return not scenario.messages  # they send none
    return True


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="fanout.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  fanout.py --quick                           a first look, a minute or two\n"
        "  fanout.py --json result.json                the whole, with every round in a file\n"
        "  fanout.py --only steady --targets dash-pipe websockets --rounds 9\n",
    )
    parser.add_argument("--quick", action="store_true", help="one round, fewer messages")
    parser.add_argument(
        "--rounds",
        type=int,
        metavar="N",
        help="how often each is measured (3; 1 when quick); the median is shown",
    )
    parser.add_argument(
        "--targets",
        nargs="+",
        choices=list(NEEDS),
        metavar="NAME",
        default=[name for name in NEEDS if name not in ("dash-pipe-dev", "picows-threaded")],
        help=f"which servers: {', '.join(NEEDS)} (all but dash-pipe-dev, werkzeug's "
        "development server, and picows-threaded)",
    )
    parser.add_argument("--only", metavar="TEXT", help="only scenarios whose name contains this")
    parser.add_argument(
        "--clients",
        type=int,
        metavar="N",
        default=min(2, max(1, (os.cpu_count() or 2) - 1)),
        help="client processes (%(default)s here): leave the server a core",
    )
    parser.add_argument("--uvloop", action="store_true", help="uvloop in every server")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args(argv)


def raise_limit() -> None:
    """Raise the limit of open files to its maximum, also for child processes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def installed(names: Sequence[str]) -> list[str]:
    """Return the servers that can run here; name the others and what they lack."""
    found = []
    for name in names:
        if absent := missing(name):
            print(f"{name} is left out: {', '.join(absent)} is not installed", file=sys.stderr)
        else:
            found.append(name)
    return found


def run_rounds(args: argparse.Namespace, rounds: int) -> Results:
    """Run every scenario on every server, interleaved, for each round."""
    targets = installed(args.targets)
    wanted = [s for s in scenarios(args.quick) if not args.only or args.only in s.name]
    results: Results = {}
    for round_, scenario, name in product(range(1, rounds + 1), wanted, targets):
        if not asks(scenario, name):
            continue
        progress = f"\rround {round_} of {rounds}: {scenario.name}, {name:<20}"
        print(progress, end="", file=sys.stderr, flush=True)
        try:
            figures = measure(name, scenario, args.clients, args.uvloop)
        except ProcessFailedError as failure:
            figures = {"failed": str(failure)}
        results.setdefault(scenario.name, {}).setdefault(name, []).append(figures)
    print(file=sys.stderr)
    return results


def machine(args: argparse.Namespace, rounds: int) -> dict[str, object]:
    """Describe the machine and the run."""
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg(),
        "client_processes": args.clients,
        "uvloop": args.uvloop,
        "rounds": rounds,
    }


def has_losses(results: Results) -> bool:
    """Return whether dash-pipe lost a message or failed in any round."""
    return any(
        figures.get("lost") or figures.get("problems") or figures.get("failed")
        for found in results.values()
        for name, rows in found.items()
        if name.startswith("dash-pipe")
        for figures in rows
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the report, write the file. Return the exit status."""
    args = arguments(argv)
    if sys.platform != "linux":
        print("this benchmark reads /proc and uses epoll: it runs on Linux", file=sys.stderr)
        return 2
    raise_limit()
    rounds = args.rounds or (1 if args.quick else 3)
    results = run_rounds(args, rounds)
    about = machine(args, rounds)
    print("\n".join(table(results, about)))
    reached = goals(results)
    print("\n".join(goal.line() for goal in reached))
    if args.json:
        rows = [goal.as_dict() for goal in reached]
        report = {"machine": about, "results": results, "goals": rows}
        args.json.write_text(json.dumps(report, indent=1))
    return 1 if has_losses(results) else 0


if __name__ == "__main__":
    sys.exit(main())
