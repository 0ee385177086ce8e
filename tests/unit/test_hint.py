"""The hint for a listener without messages: who gets one, and what it says."""

import pytest

from dash_pipe.hub.hint import MAX_NAMED, hint_for
from dash_pipe.log import Limits, Log, Message, Snapshot
from dash_pipe.protocol import Denied, Subscribe
from unit.fakes import Clock, Room


def log_of(*labels: str, epoch: str = "e1", limits: Limits | None = None) -> Log:
    log = Log(epoch, limits or Limits(), Clock())
    for label in labels:
        log.append(label, "1")
    return log


def hint(log: Log, *labels: str, denied: Denied = frozenset()) -> str:
    wanted = frozenset(labels) if labels else None
    return hint_for(Subscribe("jobs", wanted, denied=denied, hint=True), log)


def test_hint_for_an_unknown_label_names_those_of_the_channel() -> None:
    log = log_of("progress", "done", "progress")
    assert hint(log, "progres", "done") == (
        "channel jobs has 3 messages of the last hour, labels: progress, done; "
        "nothing with label progres"
    )


def test_hint_for_known_labels_or_every_label_is_empty() -> None:
    log = log_of("progress", "done")
    assert hint(log, "progress", "done") == hint(log) == ""


def test_hint_for_a_channel_that_never_had_a_message_says_so() -> None:
    assert hint(log_of()) == hint(log_of(), "a")
    assert hint(log_of()).startswith("nothing has been sent to channel jobs yet")


def test_hint_for_a_label_that_was_lost_is_empty() -> None:
    log = log_of("old", *["new"] * 3, limits=Limits(messages=2, labels=1))
    assert hint(log, "old") == ""


def test_hint_without_permission_for_every_label_is_empty() -> None:
    assert hint(log_of("secret"), "progres", denied=frozenset({None})) == ""


def test_hint_for_a_log_without_history_is_empty() -> None:
    assert hint(log_of(epoch="~e1")) == hint(log_of("a", epoch="~e1"), "b") == ""


def test_hint_names_a_bounded_number_of_labels() -> None:
    log = log_of(*[f"label{n}" for n in range(MAX_NAMED + 5)])
    text = hint(log, *[f"other{n}" for n in range(MAX_NAMED + 1)])
    assert text.count("label1") <= MAX_NAMED
    assert " and 5 more; nothing with label other0, " in text
    assert text.endswith(" and 1 more")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(3600.0, "hour"), (7200.0, "2 hours"), (60.0, "minute"), (1.5, "1.5 seconds")],
)
def test_hint_says_how_old_messages_may_be(seconds: float, said: str) -> None:
    log = log_of("a", limits=Limits(seconds=seconds))
    assert f"has 1 message of the last {said}, labels: a;" in hint(log, "b")


def test_hint_quotes_names_that_would_change_a_terminal() -> None:
    assert r"labels: \"a\u001b[2J\";".replace('\\"', '"') in hint(log_of("a\x1b[2J"), "b")


def test_hub_answers_a_requested_hint_and_keeps_the_position(room: Room) -> None:
    browser = room.browser()
    (answer,) = browser.subscribe("jobs", ["progres"])
    assert "hint" not in answer
    room.send("jobs", 1, 2)
    (answer,) = browser.subscribe("jobs", ["progres"], hint=True)
    assert answer["hint"].endswith("labels: a; nothing with label progres")
    assert "denied" not in answer
    browser.verdict = frozenset({None})
    (answer,) = browser.subscribe("jobs", ["progres"], hint=True)
    assert (answer["hint"], "denied" in answer) == ("", False)


def test_hint_for_a_mirror_names_the_labels_of_the_log() -> None:
    window = [Message.of(f'[{n},"{label}",1,1000.000]') for n, label in enumerate("aab", 1)]
    mirror = log_of(epoch="")
    mirror.load(Snapshot("e1", 3, window, [], {"lost": 0}, 0))
    assert "has 3 messages of the last hour, labels: b, a; nothing with label c" in hint(
        mirror, "c"
    )
    mirror.load(Snapshot("e2", 9, [], [], {"gone": 9}, 0))
    assert hint(mirror, "gone") == ""
