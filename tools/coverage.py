"""Compare the lines that the fast tests reach with the floor of each room, and print a table.

Read the report of `coverage json` from standard input, as `make coverage` does. A place is a file
or a folder of `dash_pipe`; the longest that fits a file decides. A floor moves up with the tests.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

PACKAGE = "dash_pipe/"
PURE = 100
FLOORS = {  # percent of lines; a little below today's, where threads race
    "log/": PURE,
    "protocol/": PURE,
    "hub/": PURE,
    "settings/": PURE,
    "brokers/retention.py": PURE,
    "brokers/redis/commands.py": PURE,
    "brokers/redis/known.py": PURE,
    "brokers/redis/heads.py": PURE,
    "brokers/redis/mirror.py": PURE,
    "brokers/redis/presence.py": PURE,
    "brokers/channel_layer/events.py": PURE,
    "client/frames.py": PURE,
    "client/client.py": PURE,
    "client/subscription.py": PURE,
    "client/received_message.py": PURE,
    "telemetry/bucket.py": PURE,
    "endpoint/local.py": PURE,
    "endpoint/poke_body.py": PURE,
    "producers/backoff.py": PURE,
    "producers/channel_pattern.py": PURE,
    "producers/production.py": PURE,
    "auth/": 97,
    "brokers/": 25,
    "cli/": 88,
    "client/": 98,
    "concurrency/": 92,
    "django/": 96,
    "endpoint/": 98,
    "family/": 95,
    "frameworks/": 95,
    "producers/": 94,
    "sending/": 97,
    "testing/": 97,
    "transports/": 96,
    "": 96,
}


class Place(NamedTuple):
    """The lines of a place: how many there are, and which were not reached, as `file:line`."""

    floor: int
    lines: int
    missing: list[str]

    @property
    def percent(self) -> float:
        """Percent of the lines that were reached."""
        return 100 * (1 - len(self.missing) / self.lines) if self.lines else 100.0


def measure(report: dict[str, Any], floors: dict[str, int]) -> dict[str, Place]:
    """Sort the files of a report of coverage into places.

    Raises:
        LookupError: a place has no file, so the table is out of date.
    """
    places = {name: Place(floor, 0, []) for name, floor in floors.items()}
    for path, found in report["files"].items():
        file = path.replace("\\", "/").removeprefix(PACKAGE)
        name = max((name for name in floors if file.startswith(name)), key=len)
        missing = [f"{PACKAGE}{file}:{line}" for line in found["missing_lines"]]
        before = places[name]
        lines = before.lines + found["summary"]["num_statements"]
        places[name] = Place(before.floor, lines, before.missing + missing)
    if unknown := [name for name, place in places.items() if not place.lines]:
        raise LookupError(f"expected files in {unknown}, found none: correct FLOORS")
    return places


def table(places: dict[str, Place]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"{'place':<34}{'lines':>6}{'missing':>9}{'percent':>9}{'floor':>7}"
    for name, place in places.items():
        numbers = f"{place.lines:>6}{len(place.missing):>9}{place.percent:>9.1f}{place.floor:>7}"
        yield f"{name or 'the rest':<34}{numbers}"


def faults(places: dict[str, Place]) -> list[str]:
    """Return a sentence for each place that is below its floor, with the lines to look at."""
    return [
        f"{name or 'the rest'}: expected {place.floor} %, found {place.percent:.1f} %; "
        f"not reached: {', '.join(place.missing)}"
        for name, place in places.items()
        if place.percent < place.floor
    ]


def main() -> None:
    """Print the table; fail if a place is below its floor."""
    places = measure(json.load(sys.stdin), FLOORS)
    print(*table(places), sep="\n")
    if said := faults(places):
        sys.exit("\n".join(["", *said, "Test these lines, or remove them."]))


if __name__ == "__main__":
    main()
