"""Each line of the log has an event of the table in docs/operations.md."""

import ast
import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.telemetry.statistics import note_close

pytestmark = pytest.mark.usefixtures("fresh_runtime")

PACKAGE = Path(dash_pipe.__file__).parent
GENERATED = {"Pipe.py", "_imports_.py"}
SECTION = (PACKAGE.parent / "docs/operations.md").read_text("utf-8").partition("## Log\n")[2]
SECTION = SECTION.partition("\n## ")[0]
LINES = {"critical", "debug", "error", "exception", "info", "line", "log", "raised", "warning"}
LINES |= {"warn_once"}
# The two that log for others.
PASSES_ON = {"telemetry/limited_log.py", "diagnostics.py"}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that log a line: methods of something whose name ends with a logger's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if node.func.attr in LINES and re.search(r"(logger|log|diagnostics)$", owner):
                yield node


def events(path: Path) -> Iterator[tuple[str, str, set[str]]]:
    """Yield each line of the log in a file: where it is, its event and its fields."""
    tree = ast.parse(path.read_text("utf-8"))
    named = {
        target.id: value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for targets, values in [(node.targets[0], node.value)]
        for target, value in (
            zip(targets.elts, values.elts, strict=True)
            if isinstance(targets, ast.Tuple) and isinstance(values, ast.Tuple)
            else [(targets, values)]
        )
        if isinstance(target, ast.Name) and target.id == "extra"
    }
    made = [*ast.walk(tree)]
    found = [
        node
        for node in made
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "log_event"
    ]
    for call in calls(tree):
        where = f"{path.name}:{call.lineno}"
        extra = next((each.value for each in call.keywords if each.arg == "extra"), None)
        if extra is None and call.args:
            extra = call.args[-1]
        is_named = isinstance(extra, ast.Name) and extra.id in named
        assert is_named or extra in found, f"{where} has no event"
    for event in found:
        name = event.args[0]
        assert isinstance(name, ast.Constant), path
        yield f"{path.name}:{event.lineno}", name.value, {str(each.arg) for each in event.keywords}


def table() -> dict[str, set[str]]:
    """Return the fields of each event of the table."""
    rows: dict[str, set[str]] = {}
    for names, fields in re.findall(r"^\| (`.+?`) \| [A-Z, ]+ \| (.*?) ?\|", SECTION, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            rows[name] = set(re.findall(r"`(\w+)`", fields))
    return rows


def test_each_line_of_the_log_has_an_event_and_fields_of_the_table() -> None:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        shown = path.relative_to(PACKAGE).as_posix()
        if path.name in GENERATED or shown in PASSES_ON:
            continue
        for _, name, fields in events(path):
            found[name] |= fields
    found["messages_unheard"].add("reason")  # of diagnostics.py
    for name in ("authorize_raised", "hook_raised"):
        found[name].add("error")  # of LimitedLog.raised
    assert dict(found) == table()


def test_table_is_sorted_and_its_fields_are_no_attributes_of_a_record() -> None:
    assert list(table()) == sorted(table())
    record = logging.LogRecord("dash_pipe", logging.INFO, "", 0, "", None, None)
    taken = set(vars(record)) | {"message", "asctime", "event"}
    assert taken.isdisjoint(set().union(*table().values()))


def test_line_without_an_event_is_found(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("logger.warning('a')")
    with pytest.raises(AssertionError, match=r"a.py:1 has no event"):
        list(events(file))
    file.write_text("self.diagnostics.warn_once('a', log_event('b', c=1))")
    assert list(events(file)) == [("a.py:1", "b", {"c"})]


def test_record_of_a_close_has_its_event_and_fields(caplog: pytest.LogCaptureFixture) -> None:
    note_close(runtime.current(), 4403, "a strange page")
    (record,) = caplog.records
    fields = ("event", "code", "reason")
    shown = {name: getattr(record, name) for name in fields}
    assert json.dumps(shown) == (
        '{"event": "connection_closed", "code": 4403, "reason": "a strange page"}'
    )
    assert record.getMessage() == "dash-pipe: closed a connection with 4403: a strange page"
