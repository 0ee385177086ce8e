"""The answer of `authorize` that ends."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from dash_pipe.errors import InvalidPermissionError
from dash_pipe.permission import Allowed, allow, earliest

NOON = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        (None, None),
        (1_700_000_000, 1.7e9),
        (0.5, 0.5),
        (NOON, NOON.timestamp()),
        (NOON.astimezone(timezone(timedelta(hours=2))), NOON.timestamp()),
    ],
)
def test_end_of_a_permission_is_kept_in_seconds(until: Any, seconds: float | None) -> None:
    assert allow(until=until) == Allowed(seconds)


@pytest.mark.parametrize(
    ("until", "advice"),
    [
        (NOON.replace(tzinfo=None), "without a time zone; make it with datetime.now"),
        (timedelta(hours=1), "write until=time.time() + 3600"),
        ("2030-01-01", "write until=time.time() + 3600"),
        (True, "return True"),
        (float("inf"), "return True"),
        (float("nan"), "return True"),
    ],
)
def test_end_that_is_no_time_is_an_error_with_the_right_form(until: Any, advice: str) -> None:
    with pytest.raises(InvalidPermissionError) as caught:
        allow(until=until)
    text = str(caught.value)
    assert text.startswith("allow(until=...): expected seconds since the epoch or an aware")
    assert "got " in text
    assert advice in text


def test_user_of_a_permission_is_kept_as_text() -> None:
    assert [allow(user=user).user for user in (None, "ann", 7)] == [None, "ann", "7"]
    with pytest.raises(InvalidPermissionError, match=r"got 1\.5; name a user by what stays"):
        allow(user=1.5)  # type: ignore[arg-type]


def test_earliest_end_leaves_out_permissions_without_an_end() -> None:
    assert earliest() is None
    assert earliest(None, None) is None
    assert earliest(None, 2.0, 1.0) == 1.0
