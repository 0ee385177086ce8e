"""Isolate every test: hooks and a fixture for tests/conftest.py.

The state of the process is recorded before a test module is imported and before each test, and
restored afterwards. A test that changes it without restoring it fails. So no other test fails or
passes because of it, in any order.
"""

import logging
import os
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from dash_pipe import runtime

PACKAGE = "dash_pipe"
SETTINGS = "DASH_PIPE_"  # the variables of our settings; a developer's values must not reach a test
PYTESTS = "PYTEST_"  # pytest sets these itself while a test runs
GONE = object()


@dataclass(frozen=True)
class Kept:
    """A part of the state: `changed` describes the changes, `restore` undoes them."""

    changed: Callable[[], list[str]]
    restore: Callable[[], object]


def look() -> list[Kept]:
    """Record the state that tests must not leave changed."""
    loggers = [logging.getLogger(), logging.getLogger(PACKAGE)]
    return [
        _environment(),
        _directory(),
        _list("sys.path", sys.path),
        _list("sys.argv", sys.argv),
        *[_logger(logger) for logger in loggers],
        *[_module(module) for module in _modules()],
    ]


def restore(state: list[Kept]) -> str:
    """Restore the state; return a description of each change."""
    changes = [change for kept in state for change in kept.changed()]
    if changes:
        for kept in state:
            kept.restore()
    return "\n".join(changes)


def _environment() -> Kept:
    def variables() -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith(PYTESTS)}

    def put_back() -> None:
        for name in variables().keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)

    before = variables()
    return Kept(lambda: _differences("os.environ[{!r}]", before, variables()), put_back)


def _directory() -> Kept:
    def current() -> str:
        try:
            return os.getcwd()
        except FileNotFoundError:  # a test has removed it
            return ""

    before = current()
    return Kept(
        lambda: _differences("os.{}()", {"getcwd": before}, {"getcwd": current()}),
        lambda: os.chdir(before),
    )


def _list(name: str, list_: list[str]) -> Kept:
    before = list(list_)

    def put_back() -> None:
        list_[:] = before

    return Kept(lambda: _differences("{}", {name: before}, {name: list(list_)}), put_back)


def _logger(logger: logging.Logger) -> Kept:
    def attributes() -> dict[str, Any]:
        # pytest adds and removes its handlers with the phases of a test.
        own = [one for one in logger.handlers if not type(one).__module__.startswith("_pytest")]
        names = ("level", "propagate", "disabled")
        return {
            **{name: getattr(logger, name) for name in names},
            "handlers": own,
            "filters": list(logger.filters),
        }

    before = attributes()
    return Kept(
        lambda: _differences(f"logging.getLogger({logger.name!r}).{{}}", before, attributes()),
        lambda: vars(logger).update(before),
    )


def _modules() -> list[ModuleType]:
    """Return the imported modules of the package."""
    found = list(sys.modules.copy().items())  # another thread may import
    return [module for name, module in found if name.partition(".")[0] == PACKAGE]


def _module(module: ModuleType) -> Kept:
    """Record its globals: their values, and the content of its dicts, lists and sets."""
    before = {name: one for name, one in vars(module).items() if not name.startswith("__")}
    contents = {name: one.copy() for name, one in before.items() if type(one) in (dict, list, set)}

    def changed() -> list[str]:
        now = vars(module)
        return [
            f"{module.__name__}.{name}"
            for name, one in before.items()
            if now.get(name, GONE) is not one or (name in contents and one != contents[name])
        ]

    def put_back() -> None:
        vars(module).update(before)
        for name, content in contents.items():
            before[name].clear()
            (before[name].extend if isinstance(content, list) else before[name].update)(content)

    return Kept(changed, put_back)


def _differences(form: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    names = sorted(before.keys() | after.keys())
    pairs = {name: (before.get(name, GONE), after.get(name, GONE)) for name in names}
    return [
        f"{form.format(name)}: {_shown(was)} -> {_shown(now)}"
        for name, (was, now) in pairs.items()
        if was != now
    ]


def _shown(value: object) -> str:
    return "nothing" if value is GONE else repr(value)


STATE = pytest.StashKey[list[Kept]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a test module whose import changes the state."""
    state = look()
    report = yield
    if changes := restore(state):
        report.outcome = "failed"
        report.longrepr = f"the import of {collector.nodeid} has left changed:\n{changes}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Record the state before any fixture is made."""
    item.stash[STATE] = look()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that leaves the state changed after its fixtures have ended."""
    changes = ""
    try:
        yield
    finally:
        changes = restore(item.stash[STATE])
    if changes:
        pytest.fail(f"{item.nodeid} has left changed:\n{changes}", pytrace=False)


@pytest.fixture(autouse=True)
def fresh_runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give every test its own runtime."""
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        monkeypatch.delenv(name)
    with runtime.swapped(runtime.Runtime()):
        yield
