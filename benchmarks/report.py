"""Format the figures: medians, a table, and the distance to the goals."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

Results = dict[str, dict[str, list[dict[str, Any]]]]
"""Scenario, server, and the figures of each round."""

COLUMNS = (
    ("deliveries_a_second", "deliveries/s", "{:,.0f}"),
    ("p50_us", "p50 us", "{:,.0f}"),
    ("p99_us", "p99 us", "{:,.0f}"),
    ("server_cpu", "server CPU s", "{:.3f}"),
    ("cpu_us_a_delivery", "CPU us/delivery", "{:.2f}"),
    ("kib_a_listener", "KiB/listener", "{:.1f}"),
    ("server_busy", "server busy", "{:.0%}"),
    ("client_busy", "client busy", "{:.0%}"),
)
BUSY = 0.85
UVICORN = "dash-pipe-uvicorn"
REDIS = "dash-pipe-redis"
CHANNELS = 2_000  # deliveries a second, cited and not measured by this program; see README.md


@dataclass(frozen=True)
class Goal:
    """A bound that a figure of dash-pipe should reach."""

    what: str
    value: float
    bound: float
    at_least: bool
    unit: str = ""

    @property
    def reached(self) -> bool:
        """Return whether the value is on the right side of its bound."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def line(self) -> str:
        """Return the goal as a line of text."""
        word = "at least" if self.at_least else "at most"
        verdict = "reached" if self.reached else "MISSED"
        return (
            f"goal {verdict}: {self.what}: {self.value:.2f}{self.unit} "
            f"({word} {self.bound:g}{self.unit})"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the goal for a JSON file."""
        return asdict(self) | {"reached": self.reached}


def middle(rows: list[dict[str, Any]], figure: str) -> float | None:
    """Return the median of a figure over the rounds that have it."""
    values = [row[figure] for row in rows if figure in row]
    return median(values) if values else None


def cell(rows: list[dict[str, Any]], figure: str, form: str) -> str:
    """Return the median, and the range if there are several rounds."""
    values = sorted(row[figure] for row in rows if figure in row)
    if not values:
        return "-"
    shown = form.format(median(values))
    if len(values) > 1 and values[0] and not figure.endswith("_busy"):
        shown += f" ±{(values[-1] - values[0]) / 2 / median(values):.0%}"
    return shown


def table(results: Results, machine: dict[str, Any]) -> list[str]:
    """Return the lines of the report."""
    lines = [
        f"Python {machine['python']}, Linux {machine['kernel']}, {machine['cpus']} CPUs, "
        f"{machine['client_processes']} client process(es), {machine['rounds']} round(s), "
        f"load {machine['load'][0]:.1f}"
    ]
    about = {
        name: next((row["about"] for row in rows if "about" in row), "")
        for found in results.values()
        for name, rows in found.items()
    }
    lines += [f"  {name}: {words}" for name, words in about.items() if words]
    notes: list[str] = []
    for scenario, found in results.items():
        lines += ["", *aligned(grid(scenario, found))]
        for name, rows in found.items():
            notes += remarks(scenario, name, rows)
    return [*lines, "", *notes]


def grid(scenario: str, found: dict[str, list[dict[str, Any]]]) -> list[list[str]]:
    """Return the cells of a scenario: a line of titles, then a line for each server."""
    measured = {figure for rows in found.values() for row in rows for figure in row}
    columns = [column for column in COLUMNS if column[0] in measured]
    lines = [[scenario, *(title for _, title, _ in columns), "threads", "lost"]]
    for name, rows in found.items():
        at_rest, listening = (middle(rows, each) or 0 for each in ("threads", "threads_listening"))
        cells = [cell(rows, figure, form) for figure, _, form in columns]
        lost = sum(row.get("lost", 0) for row in rows)
        lines.append([name, *cells, f"{at_rest:.0f} -> {listening:.0f}", str(lost)])
    return lines


def aligned(lines: list[list[str]]) -> list[str]:
    """Return lines of equally wide columns; the first is left-aligned, the others right-aligned."""
    first, *widths = (max(map(len, column)) for column in zip(*lines, strict=True))
    return [
        name.ljust(first)
        + "".join("  " + text.rjust(width) for text, width in zip(cells, widths, strict=True))
        for name, *cells in lines
    ]


def remarks(scenario: str, name: str, rows: list[dict[str, Any]]) -> list[str]:
    """Return remarks that explain the figures."""
    where = f"note: {name}, {scenario}: "
    notes = [where + row["failed"] for row in rows if "failed" in row]
    notes += [where + problem for row in rows for problem in row.get("problems", ())]
    if (middle(rows, "client_busy") or 0) > BUSY > (middle(rows, "server_busy") or 0):
        notes.append(where + "the clients were busier than the server and may be the limit")
    if frames := middle(rows, "frames"):
        notes.append(
            f"{where}{frames:,.0f} frames were received, of which "
            f"{middle(rows, 'distinct_frames'):,.0f} were distinct"
        )
    return notes


def goals(results: Results) -> list[Goal]:
    """Return the goals for which this run has figures."""
    found: list[Goal] = []

    def ratio(
        scenario: str, figure: str, other: str, bound: float, more: bool, name: str = "dash-pipe"
    ) -> None:
        rows = results.get(scenario, {})
        ours, theirs = (middle(rows.get(each, []), figure) for each in (name, other))
        if ours and theirs:
            what = f"{name}, {scenario}, {figure}"
            found.append(Goal(what, ours / theirs, bound, more, f" times {other}"))

    for scenario in results:
        if scenario.startswith("burst"):
            ratio(scenario, "deliveries_a_second", "picows", 5, True)
            ratio(scenario, "deliveries_a_second", "queues", 5, True, UVICORN)
    for other in ("websockets-threaded", "websockets"):
        for figure in ("p50_us", "p99_us", "server_cpu"):
            ratio("steady", figure, other, 1.15, False)
    for figure in ("p50_us", "p99_us", "server_cpu"):
        ratio("steady", figure, "queues-threaded", 1, False, UVICORN)
    crowd = results.get("burst to 1,000", {}).get(REDIS, [])
    if (deliveries := middle(crowd, "deliveries_a_second")) is not None:
        what = f"{REDIS}, burst to 1,000, against the {CHANNELS:,} a second cited of Channels"
        found.append(Goal(what, deliveries / CHANNELS, 200, True, " times"))
    idle = results.get("idle", {}).get("dash-pipe", [])
    if (memory := middle(idle, "kib_a_listener")) is not None:
        found.append(Goal("memory of an idle listener", memory, 16, False, " KiB"))
        more = max(row["threads_listening"] - row["threads"] for row in idle if "threads" in row)
        found.append(Goal("threads that 1,000 listeners add", more, 0, False))
    endpoint, bare = (
        middle(results.get("idle", {}).get(name, []), "kib_a_listener")
        for name in ("dash-pipe-endpoint", "bare")
    )
    if endpoint is not None and bare is not None:
        what = "dash-pipe-endpoint, memory of an idle listener above a bare websocket's"
        found.append(Goal(what, endpoint - bare, 4, False, " KiB"))
    return found
