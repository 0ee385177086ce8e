"""The tokens of channels: what is signed can be read, and nothing else."""

import hashlib
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from dash_pipe.auth.channel_token import (
    MAX_LENGTH,
    ChannelToken,
    InvalidTokenError,
    sign_token,
    verify_token,
)

KEYS = ("the newest key", "an older key")
END = 1_800_000_000.0
TOKEN = ChannelToken("user-7", frozenset({"a", "b"}), END, 600.0, END + 1000)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


def is_valid(text: str, keys: tuple[str, ...] = KEYS, now: float = END - 1) -> bool:
    try:
        verify_token(text, keys, now)
    except InvalidTokenError:
        return False
    return True


@given(NAMES, st.none() | st.frozensets(NAMES, min_size=1, max_size=4))
def test_token_is_read_as_it_was_signed(channel: str, labels: frozenset[str] | None) -> None:
    token = ChannelToken(channel, labels, END, 600.0, 0.0)
    assert verify_token(sign_token(token, KEYS), KEYS, END - 1) == token


@pytest.mark.parametrize("change", [string.ascii_letters + string.digits + "-_.=!+/ \N{SNOWMAN}"])
def test_token_with_any_character_altered_is_refused(change: str) -> None:
    text = sign_token(TOKEN, KEYS)
    for place, was in enumerate(text):
        for character in change.replace(was, ""):
            assert not is_valid(text[:place] + character + text[place + 1 :])


def test_token_with_a_character_added_or_removed_is_refused() -> None:
    text = sign_token(TOKEN, KEYS)
    for place in range(len(text) + 1):
        assert place == len(text) or not is_valid(text[:place] + text[place + 1 :])
        for character in "A=!. \n":
            assert not is_valid(text[:place] + character + text[place:])


@given(st.text(max_size=50) | st.text("abcAB._-=", max_size=50) | st.just("\ud800.a"))
def test_text_that_is_no_token_is_refused(text: str) -> None:
    assert not is_valid(text)


def test_token_that_is_too_long_is_refused() -> None:
    labels = frozenset(f"{n:05d}" + "\N{SNOWMAN}" * 100 for n in range(3000))
    text = sign_token(ChannelToken("jobs", labels, END, 600.0, 0.0), KEYS)
    assert len(text) > MAX_LENGTH
    assert not is_valid(text)


def test_parts_of_two_tokens_are_no_token() -> None:
    content, signature = sign_token(TOKEN, KEYS).rsplit(".", 1)
    other, its = sign_token(ChannelToken("user-8", None, END, 600.0, 0.0), KEYS).rsplit(".", 1)
    assert is_valid(f"{content}.{signature}")
    assert not is_valid(f"{content}.{its}")
    assert not is_valid(f"{other}.{signature}")


def test_token_ends_at_its_time() -> None:
    text = sign_token(TOKEN, KEYS)
    assert is_valid(text, now=END - 0.001)
    assert not is_valid(text, now=END)
    with pytest.raises(InvalidTokenError, match="ended 60 s ago"):
        verify_token(text, KEYS, END + 60)


def test_older_key_verifies_while_it_is_listed_and_only_the_first_signs() -> None:
    by_old = sign_token(TOKEN, ("an older key",))
    assert is_valid(by_old, ("the newest key", "an older key"))
    assert not is_valid(by_old, ("the newest key",))
    assert is_valid(sign_token(TOKEN, KEYS), ("the newest key",))
    assert not is_valid(sign_token(TOKEN, KEYS), ("an older key",))


def test_text_that_the_app_signs_with_the_same_key_is_no_token() -> None:
    content = ["user-7", None, END, 600.0, 0.0]
    same = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}

    def signed(salt: str) -> str:
        return str(URLSafeSerializer(KEYS[0], salt=salt, signer_kwargs=same).dumps(content))

    assert is_valid(signed("dash_pipe.sign_channel"))
    for salt in ("itsdangerous", "cookie-session", ""):
        assert not is_valid(signed(salt))


def test_fresh_token_lasts_as_long_as_the_first_until_refreshing_ends() -> None:
    now = END - 100
    fresh = TOKEN.refreshed(now)
    assert fresh == replace(TOKEN, end=now + 600)
    last = fresh.refreshed(END + 450)
    assert last == replace(TOKEN, end=END + 1000)
    assert last.refreshed(END + 999) is None


def test_token_that_would_not_last_longer_is_not_refreshed() -> None:
    assert ChannelToken("jobs", None, END, 600.0, END - 600).refreshed(END - 1) is None
    assert TOKEN.refreshed(END - 600) is None
