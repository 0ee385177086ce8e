"""The settings `allowed_origins` and `allowed_hosts`, and the headers they are compared with."""

from typing import Any

import dash
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dash_pipe
from dash_pipe.auth.origin import RequestHead, rejection
from dash_pipe.errors import SettingError
from dash_pipe.protocol import Close
from dash_pipe.settings import resolve
from dash_pipe.settings.origins import matches_host, matches_origin, parse_host, parse_origin

EVIL = "https://evil.org"


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://portal.example.org", "https://portal.example.org"),
        ("https://portal.example.org/", "https://portal.example.org"),
        ("https://Portal.Example.ORG:443", "https://portal.example.org"),
        (" HTTP://portal.org:80/ ", "http://portal.org"),
        ("http://portal.org:443", "http://portal.org:443"),
        ("https://portal.org:8443", "https://portal.org:8443"),
        ("https://*.example.org", "https://*.example.org"),
        ("https://*.Example.org:8443/", "https://*.example.org:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:8050", "http://[::1]:8050"),
        ("http://127.0.0.1:8050", "http://127.0.0.1:8050"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("*", "*"),
    ],
)
def test_origin_is_kept_in_the_form_that_browsers_send(text: str, origin: str) -> None:
    assert resolve({"allowed_origins": [text]}, {}).allowed_origins == (origin,)
    assert resolve({}, {"DASH_PIPE_ALLOWED_ORIGINS": text}).allowed_origins == (origin,)
    assert origin == "*" or matches_origin(origin.replace("*", "a.b"), [origin])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("portal.example.org", "https://portal.example.org"),
        ("portal.example.org:8443", "https://portal.example.org:8443"),
        ("https://portal.example.org/app", "https://portal.example.org"),
        ("https://portal.example.org/?x=1", "https://portal.example.org"),
        ("https://portal.example.org#x", "https://portal.example.org"),
        ("https://ann@portal.example.org", "https://portal.example.org"),
        ("wss://portal.example.org", "https://portal.example.org"),
        ("*.example.org", "https://*.example.org"),
        ("https://", None),
        ("https://*", None),
        ("https://a.*.org", None),
        ("https://*example.org", None),
        ("https://portal.org:port", None),
        ("https://portal.org:99999", None),
        ("https://por tal.org", None),
        ("", None),
    ],
)
def test_origin_that_no_browser_sends_is_refused_with_the_right_form(
    text: str, written: str | None
) -> None:
    with pytest.raises(SettingError) as caught:
        resolve({"allowed_origins": ["https://a.org", text]}, {})
    assert str(caught.value).startswith("allowed_origins: expected a list of origins such as ")
    told = f"write {written} instead of {text!r}" if written else f"{text!r} is no origin"
    assert str(caught.value).endswith(f"; {told}")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://a.example.org", True),
        ("https://a.b.example.org", True),
        ("https://example.org", False),
        ("http://a.example.org", False),
        ("https://a.example.org:8443", False),
        ("https://aexample.org", False),
        ("https://a.example.org.evil.org", False),
        ("https://evil.org/.example.org", False),
        ("https://evil.org#.example.org", False),
        ("https://a@evil.org?.example.org", False),
    ],
)
def test_wildcard_stands_for_subdomains_of_one_scheme_and_port(origin: str, allowed: bool) -> None:
    found = rejection(RequestHead({"origin": origin, "host": "app.org"}), ["https://*.example.org"])
    assert (found is None) is allowed


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("App.Example.org", "app.example.org"),
        ("app.example.org.", "app.example.org"),
        ("*.example.org", "*.example.org"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_host_is_kept_in_the_form_that_browsers_send(text: str, host: str) -> None:
    assert resolve({"allowed_hosts": [text]}, {}).allowed_hosts == (host,)
    assert matches_host(host.replace("*", "a"), [host])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://app.org", "write app.org instead of 'https://app.org'"),
        ("app.org:8050", "write app.org instead of 'app.org:8050'"),
        ("app.org/x", "write app.org instead of 'app.org/x'"),
        (".app.org", "write *.app.org and app.org instead of '.app.org'"),
        ("a b", "'a b' is no host"),
        ("", "'' is no host"),
    ],
)
def test_host_that_no_browser_sends_is_refused_with_the_right_form(text: str, told: str) -> None:
    with pytest.raises(SettingError) as caught:
        resolve({"allowed_hosts": [text]}, {})
    assert str(caught.value).endswith(f"; {told}")


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_origin, parse_host):
        try:
            parsed = parse(text)
        except ValueError:
            continue
        assert parse(parsed) == parsed


def rebound(**headers: str) -> RequestHead:
    """Return the handshake of a page whose name was pointed at this server: all looks its own."""
    return RequestHead({"host": "evil.org:8050", "origin": "http://evil.org:8050", **headers})


def test_page_of_a_rebound_name_is_rejected_by_allowed_hosts() -> None:
    assert rejection(rebound(), ()) is None  # without the setting nothing tells it from our own
    assert rejection(rebound(), (), ["app.org"]) is not None
    assert rejection(rebound(origin=EVIL), (), ["app.org"]) is not None
    own = RequestHead({"host": "app.org:8050", "origin": "http://app.org:8050"})
    assert rejection(own, (), ["app.org"]) is None
    assert rejection(RequestHead({"host": "APP.org."}), (), ["app.org"]) is None
    assert rejection(RequestHead({}), (), ["app.org"]) is None  # no browser
    for forged in ({"x-forwarded-host": "app.org"}, {"sec-fetch-site": "same-origin"}):
        assert rejection(rebound(**forged), (), ["app.org"]) is not None


def test_allowed_host_behind_a_proxy_may_be_in_x_forwarded_host() -> None:
    headers = {"host": "127.0.0.1:8000", "x-forwarded-host": "app.org", "origin": "https://app.org"}
    assert rejection(RequestHead(headers, is_websocket=True), (), ["app.org"]) is None
    assert rejection(RequestHead(headers), (), ["app.org"]) is None
    assert rejection(RequestHead({**headers, "origin": EVIL}), (), ["app.org"]) is not None


FORGED = {"host": "app.org", "origin": EVIL, "x-forwarded-host": "evil.org"}


@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
def test_x_forwarded_host_that_a_page_has_set_is_ignored(site: str | None) -> None:
    headers = FORGED if site is None else {**FORGED, "sec-fetch-site": site}
    assert rejection(RequestHead(headers), ()) == (
        Close.ORIGIN,
        "this origin is not in allowed_origins",
    )


def test_x_forwarded_host_of_a_proxy_is_taken() -> None:
    headers = {"host": "127.0.0.1:8000", "x-forwarded-host": "app.org", "origin": "https://app.org"}
    assert rejection(RequestHead(headers, is_websocket=True), ()) is None
    assert rejection(RequestHead({**headers, "sec-fetch-site": "same-origin"}), ()) is None


def test_page_by_http_is_of_another_site_where_https_is_in_use() -> None:
    headers = {"host": "app.org", "origin": "http://app.org"}
    assert rejection(RequestHead(headers, "http"), ()) is None
    assert rejection(RequestHead(headers, "wss", is_websocket=True), ()) is not None
    told = {**headers, "x-forwarded-proto": "https"}
    assert rejection(RequestHead(told, "http"), ()) is not None
    assert rejection(RequestHead({**told, "origin": "https://app.org"}, "http"), ()) is None
    forged = {**headers, "x-forwarded-proto": "http"}
    assert rejection(RequestHead(forged, "https"), ()) is not None
    assert rejection(RequestHead(forged, "https", is_websocket=True), ()) is None  # the proxy's
    assert rejection(RequestHead(headers, "wss", is_websocket=True), ["http://app.org"]) is None


def poll(**headers: str) -> int:
    app = dash.Dash("app")
    app.layout = []
    found = app.server.test_client().post("/_pipe/poll", data="[]", headers=headers)
    return found.status_code


OWN = {"Host": "app.org", "Origin": "http://app.org"}


def test_poll_with_a_forged_x_forwarded_host_is_rejected() -> None:
    assert poll(**OWN) == 200
    assert poll(**{"Host": "app.org", "Origin": EVIL, "X-Forwarded-Host": "evil.org"}) == 403


def test_poll_for_a_host_that_is_not_allowed_is_rejected() -> None:
    dash_pipe.configure(allowed_hosts=["app.org"])
    assert poll(**OWN) == 200
    assert poll(Host="evil.org", Origin="http://evil.org") == 403


@pytest.mark.parametrize(
    ("names", "debug", "host", "passes"),
    [
        (["app.org"], False, "app.org", True),
        (["app.org"], False, "evil.org", False),
        ([".app.org"], False, "app.org", True),
        ([".App.org"], False, "a.app.org", True),
        ([".app.org"], False, "aapp.org", False),
        (["*"], False, "evil.org", True),
        ([], True, "localhost", True),
        ([], True, "[::1]", True),
        ([], True, "evil.org", False),
    ],
)
def test_allowed_hosts_of_a_django_project_hold(
    names: list[str], debug: bool, host: str, passes: bool
) -> None:
    from harness.project import configure

    configure()
    from django.test import override_settings

    from dash_pipe.django.conf import allowed_hosts

    with override_settings(ALLOWED_HOSTS=names, DEBUG=debug):
        head = RequestHead({"host": f"{host}:8050", "origin": f"http://{host}:8050"})
        assert (rejection(head, (), allowed_hosts()) is None) is passes


def test_unusable_origin_of_dash_is_logged_and_the_others_hold(caplog: Any) -> None:
    from dash_pipe.frameworks.dash import _origins_of

    class App:
        _websocket_allowed_origins = ("portal.org", "https://Portal.org/")

    assert _origins_of(App()) == ("https://portal.org",)  # type: ignore[arg-type]
    assert "write https://portal.org instead of 'portal.org'" in caplog.text
