import inspect
import pydoc
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import dash_pipe
from dash_pipe.errors import DashPipeError, SettingError
from dash_pipe.settings import Keywords, Settings, resolve
from harness.environment import environment

ROOT = Path(__file__).parents[2]
PROGRAM = """import dash_pipe
dash_pipe.configure(heartbeat_interval=3, allowed_origins=["https://a.org"])
dash_pipe.configure(heartbaet=3)
dash_pipe.configure(window_messages="many")
dash_pipe.configure(broker=5)
"""
TYPE_ERRORS = [
    '3: error: Unexpected keyword argument "heartbaet"',
    '4: error: Argument "window_messages" to "configure" has incompatible type "str"',
    '5: error: Argument "broker" to "configure" has incompatible type "int"',
]


def test_resolve_without_input_returns_the_defaults() -> None:
    assert resolve({}, {}) == Settings()
    assert resolve({}, {"PATH": "/bin", "DASH_DEBUG": "1", "XDASH_PIPE_NOPE": "1"}) == Settings()


def test_resolve_reads_environment_variables() -> None:
    environ = {
        "DASH_PIPE_BROKER": "memory://x",
        "DASH_PIPE_WINDOW_MESSAGES": "12",
        "DASH_PIPE_HEARTBEAT_INTERVAL": "2.5",
        "DASH_PIPE_ALLOWED_ORIGINS": "https://a.org, https://b.org:8443,",
    }
    settings = resolve({}, environ)
    assert settings.broker == "memory://x"
    assert settings.window_messages == 12
    assert settings.heartbeat_interval == 2.5
    assert settings.allowed_origins == ("https://a.org", "https://b.org:8443")


def test_keyword_overrides_environment_variable() -> None:
    assert (
        resolve(
            {"heartbeat_interval": 3}, {"DASH_PIPE_HEARTBEAT_INTERVAL": "2.5"}
        ).heartbeat_interval
        == 3
    )


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("wss://example.org/app/_pipe/ws", "https://example.org/app/_pipe/"),
        ("/app/_pipe", "/app/_pipe/"),
        ("dpd:", "dpd:"),
    ],
)
def test_url_of_each_form_is_kept_as_the_base(url: str, base: str) -> None:
    assert resolve({"url": url}, {}).url == base
    assert resolve({}, {"DASH_PIPE_URL": url}).url == base


def test_values_are_converted_to_the_declared_types() -> None:
    settings = resolve({"heartbeat_interval": 3, "allowed_origins": ["https://a.org"]}, {})
    assert isinstance(settings.heartbeat_interval, float)
    assert settings.allowed_origins == ("https://a.org",)
    hash(settings)  # nothing in it can change


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("window_messages", 0),
        ("window_messages", -1),
        ("window_messages", 1.0),
        ("window_messages", "12"),
        ("window_messages", True),
        ("window_messages", None),
        ("window_messages", 2**53),
        ("heartbeat_interval", 0),
        ("heartbeat_interval", float("nan")),
        ("heartbeat_interval", float("inf")),
        ("heartbeat_interval", "25"),
        ("broker", ""),
        ("broker", 5),
        ("allowed_origins", "https://a.org"),
        ("allowed_origins", [5]),
        ("allowed_origins", None),
        ("url", "localhost:8050/_pipe/"),
        ("url", "_pipe/"),
        ("url", "redis://localhost/"),
        ("url", 5),
        ("http_poke_enabled", 1),
        ("http_poke_enabled", "yes"),
        ("http_poke_enabled", None),
        ("http_route", ""),
        ("http_route", "/<path:all>"),
        ("http_route", "https://a.org/hooks"),
        ("http_route", "/hooks?x"),
        ("http_route", None),
    ],
)
def test_invalid_keyword_raises_error_that_names_it(name: str, value: Any) -> None:
    with pytest.raises(SettingError) as caught:
        resolve({name: value}, {})
    assert caught.value.setting == name
    assert str(caught.value).startswith(f"{name}: expected ")
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("DASH_PIPE_WINDOW_MESSAGES", "many"),
        ("DASH_PIPE_WINDOW_MESSAGES", "1.5"),
        ("DASH_PIPE_WINDOW_MESSAGES", ""),
        ("DASH_PIPE_WINDOW_MESSAGES", "0"),
        ("DASH_PIPE_WINDOW_MESSAGES", "9" * 5000),
        ("DASH_PIPE_HEARTBEAT_INTERVAL", "nan"),
        ("DASH_PIPE_HEARTBEAT_INTERVAL", "-1"),
        ("DASH_PIPE_BROKER", ""),
        ("DASH_PIPE_HTTP_POKE_ENABLED", ""),
        ("DASH_PIPE_HTTP_POKE_ENABLED", "maybe"),
        ("DASH_PIPE_HTTP_ROUTE", ""),
    ],
)
def test_invalid_variable_raises_error_that_names_it(variable: str, text: str) -> None:
    with pytest.raises(SettingError) as caught:
        resolve({}, {variable: text})
    assert caught.value.setting == variable
    assert ": expected " in str(caught.value)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, True) for text in ("1", "true", " Yes ", "on")),
        *((text, False) for text in ("0", "False", "no", "OFF")),
    ],
)
def test_booleans_from_the_environment_are_parsed(text: str, value: bool) -> None:
    assert resolve({}, {"DASH_PIPE_HTTP_POKE_ENABLED": text}).http_poke_enabled is value


@pytest.mark.parametrize("unfit", ["", "s3cret words", "s3cret\N{ROCKET}", "s3cret\n", "=s3cret"])
def test_token_invalid_in_a_header_raises_without_showing_it(unfit: str) -> None:
    for keywords, environ in (
        ({"http_poke_token": unfit}, {}),
        ({}, {"DASH_PIPE_HTTP_POKE_TOKEN": unfit}),
    ):
        with pytest.raises(SettingError, match=r"(?i)http_poke_token: expected letters") as caught:
            resolve(keywords, environ)
        assert "s3cret" not in str(caught.value)


def test_token_is_hidden_in_repr_and_errors() -> None:
    settings = resolve({"http_poke_token": "s3cret-._~+/=="}, {})
    assert settings.http_poke_token == "s3cret-._~+/=="
    assert "s3cret" not in repr(settings)
    with pytest.raises(SettingError) as caught:
        resolve({"http_poke_token": b"s3cret"}, {})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["redis://ann:s3cret@host:1/0", "redis://:s3cret@host", "redis://host?password=s3cret"]
)
def test_broker_password_is_hidden_in_repr(url: str) -> None:
    settings = resolve({"broker": url, "heartbeat_interval": 3}, {})
    assert settings.broker == url
    for shown in (repr(settings), str(settings)):
        assert "s3cret" not in shown
        assert "broker='redis://" in shown
        assert "host" in shown
        assert "heartbeat_interval=3.0" in shown


@pytest.mark.parametrize(
    "url",
    [
        "redis]://:s3cret@host",
        "redis:s3cret@host",
        "r_s://a:s3cret@h",
        "redis://:/s3cret@host",
        "redis://:#s3cret@host",
    ],
)
def test_password_of_a_broker_url_that_is_mistyped_is_hidden(url: str) -> None:
    assert "s3cret" not in repr(resolve({"broker": url}, {}))


@pytest.mark.parametrize("broker", [["redis://:s3cret@host"], "redis://:s3cret@[host", b"s3cret@h"])
def test_broker_that_is_no_url_raises_error_without_its_password(broker: object) -> None:
    with pytest.raises(SettingError, match="expected a URL") as caught:
        resolve({"broker": broker}, {})
    assert "s3cret" not in str(caught.value)


def test_unknown_setting_raises_error_that_lists_the_known_ones() -> None:
    with pytest.raises(SettingError, match=r"^heart_beat: no such setting; .*heartbeat"):
        resolve({"heart_beat": 5}, {})
    with pytest.raises(SettingError, match=r"^DASH_PIPE_HEART_BEAT: no such setting"):
        resolve({}, {"DASH_PIPE_HEART_BEAT": "5"})


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("heartbaet_interval", "heartbeat_interval"), ("max_channels", "max_idle_channels")],
)
def test_unknown_setting_close_to_a_known_one_suggests_it(name: str, nearest: str) -> None:
    with pytest.raises(SettingError, match=rf"^{name}: .*did you mean {nearest}\?"):
        resolve({name: 5}, {})


def test_unknown_setting_close_to_none_suggests_nothing() -> None:
    with pytest.raises(SettingError) as caught:
        resolve({"zzz": 5}, {})
    assert "did you mean" not in str(caught.value)


def test_keywords_of_configure_equal_the_settings() -> None:
    table, keywords = get_type_hints(Settings), get_type_hints(Keywords)
    assert list(table) == list(keywords)
    for name, kind in keywords.items():
        lists = {Sequence[str]: tuple[str, ...], str | Sequence[str]: tuple[str, ...]}
        kind = lists.get(kind, kind)
        assert table[name] in (kind, kind | None), name


def test_help_of_configure_lists_every_setting() -> None:
    text = pydoc.render_doc(dash_pipe.configure, renderer=pydoc.plaintext)
    for each in fields(Settings):
        assert f"{each.name} ({each.type}): {each.metadata['doc']}" in text
    parameters = inspect.signature(dash_pipe.configure).parameters
    assert list(parameters) == [each.name for each in fields(Settings)]


def test_configure_with_wrong_keyword_fails_type_checking(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", str(program)]
    found = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    lines = [line.partition("program.py:")[2] for line in found.stdout.splitlines()]
    errors = [line for line in lines if ": error: " in line]
    assert len(errors) == len(TYPE_ERRORS), found.stdout
    for found_error, expected in zip(errors, TYPE_ERRORS, strict=True):
        assert expected in found_error


def test_dir_of_the_package_lists_only_public_names() -> None:
    assert set(dir(dash_pipe)) == {*dash_pipe.__all__, "__version__"}
    assert all(name.endswith("Error") for name in dir(dash_pipe) if is_error(name))


def is_error(name: str) -> bool:
    value = getattr(dash_pipe, name)
    return isinstance(value, type) and issubclass(value, Exception)


def test_setting_error_is_a_dash_pipe_error_and_a_value_error() -> None:
    with pytest.raises(DashPipeError):
        resolve({"nope": 1}, {})
    with pytest.raises(ValueError, match="nope"):
        resolve({"nope": 1}, {})


def test_docs_table_equals_the_settings() -> None:
    text = (Path(__file__).parents[2] / "docs" / "settings.md").read_text("utf-8")
    table = [line.split("|")[1:4] for line in text.splitlines() if line.startswith("| `")]
    documented = {
        name.strip(" `"): (default.strip(" `"), doc.strip()) for name, default, doc in table
    }
    for each in fields(Settings):
        default = "" if each.default in ((), None) else str(each.default)
        assert documented.pop(each.name) == (default, each.metadata["doc"])
    assert documented == {}
