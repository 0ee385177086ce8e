"""The recipes of docs/integrations.md, run as written: with a real broker, grid and pages."""

from pathlib import Path

from paho.mqtt import publish

from harness.mosquitto import Mosquitto
from harness.nginx import filled
from harness.recipes import Recipes
from harness.server import ROOT
from harness.wait import wait_for

RECIPES = Recipes("docs/integrations.md")
NOTEBOOK = "A notebook"  # tests/server/test_same_process.py runs it


def rows(browser):
    return browser.run("return [...document.querySelectorAll('.ag-row')].map((r) => r.innerText)")


def test_integrations_are_all_tested_and_listed() -> None:
    assert RECIPES.untested(Path(__file__)) == set()
    assert RECIPES.unlisted() == set()
    assert "(docs/integrations.md)" in (ROOT / "README.md").read_text("utf-8")


def test_mqtt_recipe_survives_bad_payload_and_restart_of_broker(
    serve_code, make_browser, tmp_path
) -> None:
    broker, browser = Mosquitto(tmp_path), make_browser()
    here = {'"localhost", 1883': f'"127.0.0.1", {broker.port}'}

    def tell(payload: str) -> None:  # retained, so it arrives whenever the app subscribes
        publish.single(
            "sensors/boiler", payload, retain=True, hostname="127.0.0.1", port=broker.port
        )

    server = serve_code(filled(RECIPES.code("MQTT"), here))  # before the broker
    with broker:
        browser.open(server.url)
        browser.wait_open()
        tell("21.5")
        browser.wait_for_text("readings", "sensors/boiler: 21.5")
        tell("warm")  # which is no JSON
        wait_for(lambda: "sensors/boiler is left out" in server.log_text(), "a line in the log")
        tell("22")
        browser.wait_for_text("readings", "sensors/boiler: 22")
        broker.restart()
        tell("23")
        browser.wait_for_text("readings", "sensors/boiler: 23")


def test_grid_recipe_keeps_one_current_row_per_symbol(page) -> None:
    browser = page("AG Grid")
    wait_for(lambda: len(rows(browser)) == 2, "a row for each symbol")
    done = lambda: [row.split()[::2] for row in rows(browser)]  # noqa: E731
    wait_for(lambda: done() == [["ABC", "1000"], ["XYZ", "1000"]], "the last quotes", timeout=40)
    assert browser.requests("/_dash-update-component") == 0


def test_pages_recipe_keeps_alarms_and_level_on_every_page(page) -> None:
    browser = page("Multi-page apps")
    browser.wait_open("alarms-pipe", "level-pipe")
    browser.click("alarm")
    browser.wait_for_text("level", "level 1")
    browser.click("to-alarms")
    browser.wait_for_text("alarm-list", "alarm 1")
    browser.click("alarm")
    browser.wait_for_text("alarm-list", "alarm 1\nalarm 2")
    browser.click("to-home")
    browser.wait_for_text("level", "level 2")


def test_tabs_recipe_shows_lines_sent_while_closed(page) -> None:
    browser = page("Tabs and modals")
    browser.wait_open()
    for n in (1, 2):
        browser.click("work")
        wait_for(lambda n=n: len(browser.prop("lines", "data")) == n, "the line")
    browser.click("log-tab")
    browser.wait_for_text("in-tab", "line 1\nline 2")
    browser.click("open")
    browser.wait_for_text("in-modal", "line 1\nline 2")
