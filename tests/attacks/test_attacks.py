"""Attacks of `make attacks`: the healthy listeners' p99 at most doubles, memory is bounded.

ATTACK_SECONDS is the length of each part. Two cores are needed, and a machine that does little
else: this measures times.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from attacks.healthy import FLOOR, Latency, Stream, measure
from attacks.silent import CLOSE, KINDS, TRIPLET, Silent, silent
from harness.app import App
from harness.child import Child
from harness.environment import environment
from harness.process import children, figures
from harness.redis import RedisServer
from harness.server import Server

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.timeout(600),
]

SECONDS = float(os.environ.get("ATTACK_SECONDS", "10"))
BROWSERS = 300
UNREAD_KIB = 160  # of a silent browser: 64 KiB until a ping, one frame more, and its connection
WINDOW_KIB = 32 * 1024  # 4 MiB of messages, as objects of Python, and what is freed late
HEARTBEAT = 5.0
HOSTS = ("gunicorn-gthread", "gunicorn-gevent", "uvicorn", "hypercorn")


def resident(server: Server) -> int:
    (worker,) = children(server.pid) or [server.pid]
    return figures(worker).resident_kib


def report(name: str, before: Latency, during: Latency) -> None:
    sys.stdout.write(
        f"\n{name}: p50 {before.p50:.1f} -> {during.p50:.1f} ms, "
        f"p99 {before.p99:.1f} -> {during.p99:.1f} ms, {before.rate:.0f} -> {during.rate:.0f}/s\n"
    )


def check_latency(name: str, before: Latency, during: Latency) -> None:
    report(name, before, during)
    assert during.p99 <= 2 * max(before.p99, FLOOR), (before, during)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", HOSTS)
def test_browsers_that_read_nothing_cost_the_others_little(
    host: str, kind: str, tmp_path: Path
) -> None:
    settings = {
        "DASH_PIPE_DPD_FRAMES": "1",
        "DASH_PIPE_HEARTBEAT_INTERVAL": str(HEARTBEAT),
        "DASH_PIPE_WINDOW_MESSAGES": "1000",
    }
    with Server(host, "room", tmp_path / "log", settings=settings) as server:
        with Stream(App(server.url)):
            before = measure(server.url, SECONDS)
            memory = resident(server)
            with silent(BROWSERS, server.port, kind) as browsers:
                during = measure(server.url, max(SECONDS, 3 * HEARTBEAT))
                grown = resident(server) - memory
                sys.stdout.write(f"\n{host}, {kind}: {grown:,} KiB for {BROWSERS} browsers\n")
                assert grown < BROWSERS * UNREAD_KIB + WINDOW_KIB
                for browser in browsers[::50]:
                    {"version 1": check_cut, "django-plotly-dash": check_catches_up}[kind](browser)
        check_latency(f"{host}, {kind}", before, during)
        assert server.tracebacks() == []


def check_cut(browser: Silent) -> None:
    """Check that a silent browser was cut, and was sent no more than 64 KiB and a frame."""
    frames = list(browser.frames(2))
    opcode, payload = frames[-1]
    assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, 4408), payload[:100]
    assert sum(len(each) for _, each in frames) < 2 * 64 * 1024 + 4096


def check_catches_up(browser: Silent) -> None:
    """Check that a silent page was sent little, and is sent newer messages after a triplet."""
    sizes = [len(payload) for _, payload in browser.frames(0.5)]
    assert sum(sizes) < 2 * 64 * 1024 + 4096
    browser.say(TRIPLET)
    assert any(b"pipe.value" in payload for _, payload in browser.frames(0.5))


def test_browser_that_reads_late_sees_its_gap(tmp_path: Path) -> None:
    settings = {"DASH_PIPE_WINDOW_MESSAGES": "1000"}
    with (
        Server("uvicorn", "room", tmp_path / "log", settings=settings) as server,
        silent(1, server.port, "version 1") as (browser,),
    ):
        app = App(server.url)
        for _ in range(3):
            app.send(*[("room", "news", "x" * 1000)] * 1000)
        offsets, lost = hear_all(browser, 3000)
    assert offsets == sorted({*offsets})
    missing = {*range(1, 3001)} - {*offsets}
    assert missing
    assert max(missing) <= max(upto for _, upto in lost)


def hear_all(browser: Silent, last: int) -> tuple[list[int], list[Any]]:
    """Read and answer pings until the last message has come; return offsets and losses."""
    offsets: list[int] = []
    lost: list[Any] = []
    deadline = time.monotonic() + 30
    while last not in offsets and time.monotonic() < deadline:
        for _, payload in browser.frames(0.5):
            fields = json.loads(payload)
            offsets += [row[0] for row in fields.get("messages", [])]
            lost += fields.get("lost", [])
            if fields["type"] == "ping":
                browser.say({"type": "pong", "n": fields["n"]})
    return offsets, lost


@contextmanager
def attack(name: str, port: int, size: int, directory: Path) -> Iterator[None]:
    """Attack a port from another process while inside."""
    script = str(Path(__file__).with_name("attacker.py"))
    command = [sys.executable, script, name, str(port), str(size)]
    child = Child(f"attack: {name}", command, directory / "attack", environment())
    try:
        yield
    finally:
        child.end()


@pytest.mark.parametrize("host", ["uvicorn", "gunicorn-gthread"])
def test_flood_of_invented_channels_over_redis_costs_the_others_little(
    host: str, tmp_path: Path
) -> None:
    with RedisServer(tmp_path / "redis") as redis:
        settings = {"DASH_PIPE_BROKER": redis.url}
        with Server(host, "room", tmp_path / "log", settings=settings) as server:
            with Stream(App(server.url), 200):
                before = measure(server.url, SECONDS)
                with attack("flood", server.port, 1, tmp_path):
                    during = measure(server.url, SECONDS)
            check_latency(f"{host}, flood of channels", before, during)
            assert server.log_text().count("too many channels in a short time") <= 10


@pytest.mark.parametrize("host", HOSTS)
def test_16_pollers_cost_the_others_little(host: str, tmp_path: Path) -> None:
    with Server(host, "room", tmp_path / "log") as server:
        with Stream(App(server.url), 200):
            before = measure(server.url, SECONDS)
            with attack("poll", server.port, 16, tmp_path):
                during = measure(server.url, SECONDS)
        check_latency(f"{host}, 16 pollers", before, during)
