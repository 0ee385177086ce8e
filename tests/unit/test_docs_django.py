"""The Python examples of docs/django.md, run as they are written."""

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.test import RequestFactory

from dash_pipe import runtime
from harness.project import configure

configure()

TEXT = (Path(__file__).parents[2] / "docs" / "django.md").read_text("utf-8")
BLOCKS = [
    re.sub(r"^   ", "", block, flags=re.MULTILINE)
    for block in re.findall(r"^ *```python\n(.+?)^ *```", TEXT, re.MULTILINE | re.DOTALL)
]


@pytest.fixture(autouse=True)
def _project(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A block may name a project in the environment, and Celery puts it on the path."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    with patch.dict(os.environ):
        yield


def run_block(word: str, **names: Any) -> dict[str, Any]:
    """Run the only block with this word in it; return its names."""
    (block,) = [block for block in BLOCKS if word in block]
    exec(compile(block, word, "exec"), names)
    return names


def sent() -> list[Any]:
    log = runtime.current().broker.open("jobs")
    return [row.split(",")[1:3] for row in log.read(0, None, 2**20).rows]


def test_every_code_block_compiles() -> None:
    for block in BLOCKS:
        compile(block, "docs/django.md", "exec")


def test_views_example_publishes_sync_and_async() -> None:
    views, request = run_block("def finish_async"), RequestFactory().get("/")
    assert views["finish"](request, 1).content == b"done"
    assert asyncio.run(views["finish_async"](request, 2)).content == b"done"
    assert sent() == [['"done"', "1"], ['"done"', "2"]]


def test_celery_example_publishes_its_progress() -> None:
    pytest.importorskip("celery")
    run_block("Celery(")["crunch"](7)
    assert len(sent()) == 10


@pytest.mark.usefixtures("database")
def test_send_on_commit_example_publishes() -> None:
    job = SimpleNamespace(pk=5, save=lambda: None)
    run_block("send_on_commit(")["complete"](job)
    assert sent() == [['"done"', "5"]]


@pytest.mark.parametrize("logged_in", [True, False])
def test_authorize_example_allows_only_logged_in_users(logged_in: bool) -> None:
    scope = {"user": SimpleNamespace(is_authenticated=logged_in)}
    assert run_block("def may_listen")["may_listen"](scope, "jobs", None) is logged_in


def test_routing_example_protects_the_dash_app(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("a2wsgi")
    live = ModuleType("mysite.live")
    live.app = SimpleNamespace(server=None)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mysite.live", live)
    application = run_block("ProtocolTypeRouter({")["application"]
    routes = application.application_mapping["http"].routes
    (route,) = [route for route in routes if str(route.pattern) == "^live/"]
    assert type(route.callback).__name__ == "Protected"
