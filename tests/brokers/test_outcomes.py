"""Each line of the table in docs/brokers.md, which tools/outcomes.py writes from outcomes.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from brokers.events import HAPPENINGS, Happening
from brokers.outcomes import EVENTS, POSITIONS, Outcome
from brokers.site import Site
from harness.redis import RedisServer

EVENT = pytest.mark.parametrize("name", EVENTS)


@EVENT
@pytest.mark.usefixtures("hasty")
def test_pages_that_stay_or_return_soon_get_and_are_told_as_in_the_table(
    tmp_path: Path, name: str
) -> None:
    check(tmp_path, HAPPENINGS[name], EVENTS[name].present, POSITIONS, away=False)


@EVENT
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.usefixtures("forgetful")
def test_page_away_longer_than_mirror_gets_and_is_told_as_in_the_table(
    tmp_path: Path, name: str, position: str
) -> None:
    check(tmp_path, HAPPENINGS[name], EVENTS[name].away, [position], away=True)


def test_every_event_of_the_table_can_happen() -> None:
    assert list(EVENTS) == list(HAPPENINGS)


def check(
    path: Path,
    happening: Happening,
    outcomes: Mapping[str, Outcome],
    positions: Iterable[str],
    *,
    away: bool,
) -> None:
    """Make an event happen; compare what pages at these positions get and are told."""
    with (
        RedisServer(path / "redis", *happening.redis) as redis,
        Site(redis, **happening.limits) as site,
    ):
        steps = happening.steps(site)
        next(steps)
        pages = Pages(site, happening.labels, {name: outcomes[name] for name in positions})
        witness = site.page(sorted({*happening.labels}))
        for value, label in enumerate(happening.labels, 1):
            site.send(value, label=label)
            pages.take(value, away=away)
            if value == 2:
                next(steps)
        if away:
            witness.wait_until(lambda: len(witness.values) == len(happening.labels))
            witness.disconnect()  # the process has had all messages
            site.wait_for_release()
        next(steps)
        pages.come_back()
        next(steps, None)
        pages.wait_until_told()
        site.send("last", label=happening.labels[-1])
        pages.wait_until_heard()
        assert pages.results() == pages.expected()


class Pages:
    """The pages of a site, by their positions before an event, and their outcomes."""

    def __init__(self, site: Site, labels: str, outcomes: Mapping[str, Outcome]) -> None:
        self._site = site
        self._labels = labels
        self._outcomes = outcomes
        self._earlier = len(site.senders.sent)
        self._pages = {name: site.page(sorted({*labels})) for name in outcomes}

    def take(self, value: int, *, away: bool) -> None:
        """Have the pages get a message, unless they have left; they leave at their positions."""
        for name, page in self._pages.items():
            if value <= POSITIONS[name]:
                page.wait_for(value)
            if value == POSITIONS[name] and (away or name != "ahead"):
                page.disconnect()

    def come_back(self) -> None:
        """Connect the pages that are away; wait until they are as far as they can be."""
        for name, page in self._pages.items():
            if page.process is not self._site.process:
                page.connect(self._site.process)
            if name == "ahead":  # it is told first
                page.wait_until(lambda page=page, name=name: page.told == self._told(name))
            page.wait_until(lambda page=page, name=name: page.values == self._values(name))

    def wait_until_told(self) -> None:
        """Wait until the pages are told what they have lost, before more is sent."""
        for name, page in self._pages.items():
            page.wait_until(lambda page=page, name=name: page.told == self._told(name))

    def wait_until_heard(self) -> None:
        """Wait until the newest message has arrived."""
        for page in self._pages.values():
            page.wait_for("last")

    def results(self) -> dict[str, Any]:
        """Return what each page has got, and what it was told."""
        return {name: (page.values, page.told) for name, page in self._pages.items()}

    def expected(self) -> dict[str, Any]:
        """Return what each page is to get, and to be told."""
        return {name: (self._values(name), self._told(name)) for name in self._pages}

    def _values(self, name: str) -> list[Any]:
        lost = self._outcomes[name].lost
        sent = self._site.senders.sent[self._earlier :]
        mine = [value for label, value in sent if label in self._labels]
        return [value for value in mine if value not in lost]

    def _told(self, name: str) -> tuple[int, str | None]:
        outcome = self._outcomes[name]
        return outcome.n_gaps, outcome.told
