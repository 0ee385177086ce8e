"""The shapes of docs/interval.md, run as written, with what they cost in requests."""

import re
import sqlite3
from pathlib import Path

from harness.recipes import Recipes
from harness.server import ROOT
from harness.wait import wait_for
from harness.ws import PipeClient

RECIPES = Recipes("docs/interval.md")
CALLBACK = "/_dash-update-component"
WATCH_TITLE = """
    window.titles = [];
    new MutationObserver(() => window.titles.push(document.title))
        .observe(document.head, {subtree: true, childList: true, characterData: true});
"""


def test_shapes_are_all_tested_and_linked() -> None:
    assert RECIPES.untested(Path(__file__)) == set()
    assert "(docs/interval.md)" in (ROOT / "README.md").read_text("utf-8")
    text = (ROOT / "docs" / "interval.md").read_text("utf-8")
    assert len(re.findall(r"^\| \d+ \|", text, re.MULTILINE)) == 10


def test_database_shape_makes_one_request_per_change(page, tmp_path) -> None:
    browser = page("Poll a database")
    browser.wait_for_text("open-orders", "0 open orders")
    with sqlite3.connect(tmp_path / "orders.db") as database:
        database.execute("INSERT INTO orders DEFAULT VALUES")
    browser.wait_for_text("open-orders", "1 open orders")
    assert browser.requests(CALLBACK) == 2


def test_other_inputs_shape_keeps_all_messages(page) -> None:
    browser = page("With other Inputs")
    browser.wait_open()
    for total in (1, 3, 6):
        browser.click("sell")
        browser.wait_for_text("result", str(total))
    browser.find("#how label:nth-of-type(2) input").click()
    browser.wait_for_text("result", "3")


def test_start_and_stop_shape_makes_requests_only_while_started(serve_code, make_browser) -> None:
    browser, server = make_browser(), serve_code(RECIPES.code("Start and stop"))
    browser.open(server.url)
    browser.wait_open("pipe", status="closed")
    browser.click("toggle")
    wait_for(lambda: browser.find("#ticks").text not in {"", "stopped"}, "a tick")
    browser.click("toggle")
    browser.wait_open("pipe", status="closed")
    with PipeClient(f"{server.url}/") as other:
        other.subscribe("clock")
        other.rows(5)  # a callback that ran when it was stopped is over now
        stopped = browser.requests(CALLBACK), browser.find("#ticks").text
        other.rows(5)
        assert (browser.requests(CALLBACK), browser.find("#ticks").text) == stopped
    browser.click("toggle")
    wait_for(lambda: browser.find("#ticks").text != stopped[1], "the next tick")


def test_fast_feed_shape_makes_two_requests_a_second(page) -> None:
    browser = page("A fast feed, several outputs")
    browser.wait_open("slow-pipe", "fast-pipe")
    browser.run(WATCH_TITLE)
    wait_for(lambda: browser.find("#mean").text, "the first call")
    before, first = browser.run("return performance.now()"), browser.requests(CALLBACK)
    received = browser.prop("fast-pipe", "n_messages")
    wait_for(lambda: browser.prop("fast-pipe", "n_messages") > received + 500, "a second of it")
    made = browser.requests(CALLBACK) - first
    seconds = (browser.run("return performance.now()") - before) / 1000  # at least those of `made`
    assert made <= 2 * seconds + 1
    assert float(browser.find("#mean").text) < float(browser.find("#highest").text)
    assert int(browser.find("#newest").text) > 0
    assert set(browser.run("return window.titles")) <= {"Dash"}
