"""The script that compares the coverage of each room with its floor."""

import json
from io import StringIO
from typing import Any

import pytest

from tools import coverage
from tools.coverage import Place

FLOORS = {"log/": 100, "log/window.py": 50, "": 10}


def report(**missing: list[int]) -> dict[str, Any]:
    """Return a report about three files of ten lines."""
    names = {"log": "log/log.py", "window": "log/window.py", "errors": "errors.py"}
    return {
        "files": {
            f"dash_pipe/{file}": {
                "missing_lines": missing.get(name, []),
                "summary": {"num_statements": 10},
            }
            for name, file in names.items()
        }
    }


def test_measure_sorts_files_into_the_longest_place() -> None:
    assert coverage.measure(report(window=[3, 4], errors=[1]), FLOORS) == {
        "log/": Place(100, 10, []),
        "log/window.py": Place(50, 10, ["dash_pipe/log/window.py:3", "dash_pipe/log/window.py:4"]),
        "": Place(10, 10, ["dash_pipe/errors.py:1"]),
    }


def test_measure_of_a_place_without_files_raises() -> None:
    with pytest.raises(LookupError, match=r"\['attic/'\]"):
        coverage.measure(report(), {**FLOORS, "attic/": 1})


def test_main_place_below_its_floor_fails_with_its_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(coverage, "FLOORS", FLOORS)
    monkeypatch.setattr("sys.stdin", StringIO(json.dumps(report(window=[1, 2]))))
    coverage.main()
    assert "log/window.py" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", StringIO(json.dumps(report(log=[7]))))
    with pytest.raises(SystemExit, match=r"log/: expected 100 %, found 90.0 %.*log/log.py:7"):
        coverage.main()


def test_floors_say_100_for_every_pure_room() -> None:
    pure = {name for name, floor in coverage.FLOORS.items() if floor == 100}
    assert {"log/", "protocol/", "hub/", "settings/"} <= pure
