import pytest

from dash_pipe.protocol.address import endpoint_base, is_absolute, websocket_url


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://localhost:8050/_pipe/", "http://localhost:8050/_pipe/"),
        ("http://localhost:8050/_pipe", "http://localhost:8050/_pipe/"),
        ("http://localhost:8050/_pipe/ws", "http://localhost:8050/_pipe/"),
        ("ws://localhost:8050/_pipe/ws", "http://localhost:8050/_pipe/"),
        ("wss://example.org/app/_pipe/", "https://example.org/app/_pipe/"),
        ("HTTPS://example.org/_pipe/", "https://example.org/_pipe/"),
        ("https://[::1]:8050", "https://[::1]:8050/"),
        ("http://localhost:8050/ws", "http://localhost:8050/"),
        ("https://example.org/dpd/ws/channel", "https://example.org/dpd/ws/channel/"),
        ("/app/_pipe/", "/app/_pipe/"),
        ("/app/_pipe/ws", "/app/_pipe/"),
        ("/_pipe", "/_pipe/"),
        ("/", "/"),
        ("//example.org/_pipe", "//example.org/_pipe/"),
    ],
)
def test_endpoint_base_of_each_form_ends_with_a_slash(url: str, base: str) -> None:
    assert endpoint_base(url) == base
    assert endpoint_base(base) == base


@pytest.mark.parametrize(
    "url",
    [
        *("", "_pipe", "localhost:8050/_pipe/", "redis://localhost/", "http://", "http:///_pipe/"),
        *("http://host:port/", "http://[::1/", "http://host/_pipe/?x=1", "/_pipe/#x", "//"),
    ],
)
def test_endpoint_base_of_no_address_says_what_is_expected(url: str) -> None:
    with pytest.raises(ValueError, match="expected the base of an endpoint, such as http://") as e:
        endpoint_base(url)
    assert repr(url) in str(e.value)


def test_websocket_url_is_below_the_base() -> None:
    assert websocket_url("http://localhost:8050/_pipe/") == "ws://localhost:8050/_pipe/ws"
    assert websocket_url("https://example.org/_pipe/") == "wss://example.org/_pipe/ws"


def test_is_absolute_needs_a_scheme() -> None:
    assert is_absolute("https://example.org/")
    assert not is_absolute("//example.org/")
    assert not is_absolute("/_pipe/")
