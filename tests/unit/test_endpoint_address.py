from typing import Any
from urllib.parse import urljoin

import pytest

from dash_pipe.protocol.address import endpoint_base, is_absolute, websocket_url
from unit.vectors import vectors

PAGE = "https://page.org/app/"


@vectors("urls")
def test_endpoint_base_equals_what_a_browser_resolves(vector: dict[str, Any]) -> None:
    url, base = vector["url"], vector["base"]
    if base is None:
        with pytest.raises(ValueError, match="expected the base of an endpoint, such as http://"):
            endpoint_base(url)
        return
    assert endpoint_base(url) == base
    assert endpoint_base(base) == base
    assert websocket_url(urljoin(PAGE, base)) == vector["websocket"]


@pytest.mark.parametrize("url", ["", "_pipe", "http:///_pipe/", "http://h/?x=1", "/_pipe/#x", "//"])
def test_endpoint_base_of_invalid_url_raises(url: str) -> None:
    with pytest.raises(ValueError, match="expected the base of an endpoint") as caught:
        endpoint_base(url)
    assert repr(url) in str(caught.value)


def test_is_absolute_is_true_only_with_a_scheme() -> None:
    assert is_absolute("https://example.org/")
    assert not is_absolute("//example.org/")
    assert not is_absolute("/_pipe/")
