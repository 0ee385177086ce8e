"""The recipes of docs/recipes.md, run as written."""

import threading
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from dash_pipe.testing import own_messages
from harness.app import contiguous
from harness.recipes import Recipes
from harness.server import ROOT
from harness.wait import wait_for

RECIPES = Recipes("docs/recipes.md")
SECOND = timedelta(seconds=1)  # to which a page may round


@pytest.fixture
def serve(serve_code):
    """A function that runs a recipe, until the test is over."""
    return lambda heading: serve_code(RECIPES.code(heading))


def text(browser, id_):
    return browser.find(f"#{id_}").text


def cells(browser):
    return browser.run("return [...document.querySelectorAll('td')].map((cell) => cell.innerText)")


def chart(browser):
    """The y values of each trace, as they are drawn."""
    return browser.run(
        "return document.querySelector('.js-plotly-plot')?.data.map(({y}) => [...y]) ?? [[]]"
    )


def test_recipes_are_all_tested_and_listed() -> None:
    assert RECIPES.untested(Path(__file__)) == set()
    assert RECIPES.unlisted() == set()
    assert "(docs/recipes.md)" in (ROOT / "README.md").read_text("utf-8")


def test_chart_recipe_appends_every_point(page) -> None:
    browser = page("Append to a chart")
    wait_for(lambda: len(chart(browser)[0]) > 100, "a hundred points")
    assert contiguous(chart(browser)[0])
    assert browser.requests("/_dash-update-component") == 0


def test_table_recipe_appends_rows(page) -> None:
    browser = page("Append rows to a table")
    browser.wait_open()
    expected = []
    for n in (1, 2, 3):
        browser.click("order")
        expected.extend(["apples", "3", "pears", str(n)])
        # The next click waits: two calls at once may send in turns.
        wait_for(lambda: len(cells(browser)) >= len(expected), "the rows")
    assert cells(browser) == expected


def test_job_recipe_shows_progress_and_log(page) -> None:
    browser = page("Progress and log of a job")
    browser.wait_open("progress-pipe", "log-pipe")
    browser.click("start")
    browser.wait_for_prop("progress", "value", "100")
    lines = [f"{done} percent are done" for done in range(0, 101, 20)]
    browser.wait_for_text("log", "\n".join(lines))


def test_streaming_text_recipe_shows_all_tokens(page) -> None:
    browser = page("Streaming text")
    browser.wait_open()
    browser.click("ask")
    browser.wait_for_text("text", "Nothing is lost between the sender and the callback .")


def test_channel_per_tab_recipe_updates_only_that_tab(page, make_browser) -> None:
    browser, other = page("One channel a tab, or a user"), make_browser()
    other.open(browser.driver.current_url)
    for one in (browser, other):
        one.wait_open()
    browser.click("work")
    browser.wait_for_text("result", "result 1")
    for _ in range(2):
        other.click("work")
    other.wait_for_text("result", "result 2")
    assert text(browser, "result") == "result 1"


def test_signed_channel_recipe_reaches_its_user_alone(page, make_browser) -> None:
    browser, other = page("One channel a user, signed"), make_browser()
    other.open(browser.driver.current_url)
    for one in (browser, other):
        one.wait_open()
    browser.click("work")
    browser.wait_for_text("result", "Result 1, for you alone.")
    assert text(other, "result") == ""


def test_several_pipes_recipe_updates_both_traces(page) -> None:
    browser = page("Several Pipes, one chart")
    browser.wait_open("north", "south")
    browser.click("measure")
    wait_for(lambda: [len(trace) for trace in chart(browser)] == [10, 10], "both traces")
    browser.click("measure")
    wait_for(lambda: [len(trace) for trace in chart(browser)] == [20, 20], "both traces again")
    assert chart(browser) == [list(range(10, 30))] * 2


def test_updated_recipe_shows_time_of_message(page) -> None:
    browser = page("When was it updated?")
    browser.wait_open()
    before = datetime.now().astimezone()
    browser.click("tell")
    wait_for(lambda: text(browser, "updated").startswith("updated "), "the time")
    told = datetime.fromisoformat(text(browser, "updated")[8:].replace("Z", "+00:00"))
    assert before - SECOND < told < datetime.now().astimezone() + SECOND


@pytest.mark.cuts
def test_stale_recipe_shows_disconnect_and_gap(serve, make_browser) -> None:
    browser, server = make_browser(), serve("Show that data is stale")
    browser.open(server.url)
    browser.wait_for_text("fresh", "fresh")
    server.kill9()
    browser.wait_for_text("fresh", "stale: not connected")
    server.start()
    browser.wait_for_text("fresh", "stale: something was lost, reload the page", timeout=30)
    browser.open(server.url)
    browser.wait_for_text("fresh", "fresh")


def test_dash_extensions_recipe_answers_input(page) -> None:
    browser = page("Coming from `dash-extensions`")
    browser.wait_open()
    browser.find("#input").send_keys("hello")
    browser.wait_for_text("message", "Response from websocket: hello")


def test_dpd_components_recipe_counts_presses(page) -> None:
    browser = page("Coming from `dpd_components`")
    browser.wait_open("named_count_pipe")
    browser.click("red")
    browser.wait_for_text("internal_state", "somebody pressed red 1 times")


class Duo:
    """The used part of `dash_duo`; dash[testing] requires an older selenium than ours."""

    def __init__(self, browser, stack: ExitStack) -> None:
        self._browser = browser
        self._stack = stack

    def start_server(self, app) -> None:
        server = make_server("127.0.0.1", 0, app.server, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(server.shutdown)
        self._stack.callback(self._browser.fresh)
        self._browser.open(f"http://127.0.0.1:{server.server_port}")

    def wait_for_text_to_equal(self, selector: str, text: str) -> None:
        self._browser.wait_for_text(selector.removeprefix("#"), text)

    def find_element(self, selector: str):
        return self._browser.find(selector)


def test_test_recipe_runs_its_tests(make_browser) -> None:
    recipe = {"__name__": __name__}
    exec(compile(RECIPES.code("Test your app"), "recipe", "exec"), recipe)
    with own_messages() as messages:
        recipe["test_a_ring_is_sent"](messages)
    with own_messages() as messages, ExitStack() as stack:
        recipe["test_a_ring_is_shown"](messages, Duo(make_browser(), stack))
