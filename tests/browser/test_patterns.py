"""Dict ids and pattern-matching callbacks."""

from harness.app import heard
from harness.wait import wait_for

APP = "patterns"

ATTIC = {"type": "pipe", "room": "attic"}
CELLAR = {"type": "pipe", "room": "cellar"}


def test_dict_ids_in_match_and_all_callbacks_receive_messages(app, browser):
    browser.open(app.url)
    browser.wait_open(ATTIC, CELLAR)
    app.send(("house", "attic", "dust"))
    wait_for(lambda: app.calls("everyone") and app.calls("each"), "both callbacks")
    app.send(("house", "cellar", "wine"))
    wait_for(lambda: len(app.calls("everyone")) == len(app.calls("each")) == 2, "two calls of each")
    each = [(call.triggered_id, call.values["value"]) for call in app.calls("each")]
    assert each == [(ATTIC, "dust"), (CELLAR, "wine")]
    assert [call.triggered_id for call in app.calls("everyone")] == [ATTIC, CELLAR]
    assert app.calls("everyone")[-1].values["values"] == ["dust", "wine"]


def test_burst_for_two_dict_ids_reaches_each_completely(app, browser):
    browser.open(app.url)
    browser.wait_open(ATTIC, CELLAR)
    app.send(*[("house", ("attic", "cellar")[n % 2], n) for n in range(100)])

    def by(room):
        return heard([call for call in app.calls("each") if call.triggered_id == room])

    wait_for(lambda: len(by(ATTIC)) == len(by(CELLAR)) == 50, "50 messages each")
    assert by(ATTIC) == list(range(0, 100, 2))
    assert by(CELLAR) == list(range(1, 100, 2))
