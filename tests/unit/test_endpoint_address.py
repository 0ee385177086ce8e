from typing import Any
from urllib.parse import urljoin

import pytest

from dash_pipe.protocol.address import endpoint_base, is_absolute, websocket_url
from unit.vectors import vectors

PAGE = "https://page.org/app/"


@vectors("urls")
def test_url_means_what_it_means_in_a_browser(vector: dict[str, Any]) -> None:
    url, base = vector["url"], vector["base"]
    if base is None:
        with pytest.raises(ValueError, match="expected the base of an endpoint, such as http://"):
            endpoint_base(url)
        return
    assert endpoint_base(url) == base
    assert endpoint_base(base) == base
    assert websocket_url(urljoin(PAGE, base)) == vector["websocket"]


@pytest.mark.parametrize("url", ["", "_pipe", "http:///_pipe/", "http://h/?x=1", "/_pipe/#x", "//"])
def test_url_that_only_a_browser_can_resolve_is_rejected(url: str) -> None:
    with pytest.raises(ValueError, match="expected the base of an endpoint") as caught:
        endpoint_base(url)
    assert repr(url) in str(caught.value)


def test_absolute_base_names_its_scheme() -> None:
    assert is_absolute("https://example.org/")
    assert not is_absolute("//example.org/")
    assert not is_absolute("/_pipe/")
