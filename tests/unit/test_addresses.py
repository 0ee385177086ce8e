"""The connections of each address, behind proxies too."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.auth.addresses import Addresses, address_of
from dash_pipe.auth.client_address import client_address
from dash_pipe.errors import SettingError
from harness.wait import wait_for_value
from unit.asgi_server import Server
from unit.line import Line
from unit.test_statistics import Open, connect  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("fresh_runtime")

PROXIES = ("10.0.0.0/8", "unix")


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "found"),
    [
        ("203.0.113.7", "", (), "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", (), "203.0.113.7"),  # anybody may claim that
        ("203.0.113.7", "198.51.100.1", PROXIES, "203.0.113.7"),
        ("10.1.2.3", "198.51.100.1", PROXIES, "198.51.100.1"),
        ("10.1.2.3", "1.1.1.1, 198.51.100.1", PROXIES, "198.51.100.1"),  # 1.1.1.1 is invented
        ("10.1.2.3", "198.51.100.1, 10.9.9.9", PROXIES, "198.51.100.1"),
        ("10.1.2.3", "", PROXIES, "10.1.2.3"),
        ("10.1.2.3", "10.4.4.4", PROXIES, "10.4.4.4"),
        ("10.1.2.3", "nonsense", PROXIES, None),
        ("::ffff:10.1.2.3", "198.51.100.1", PROXIES, "198.51.100.1"),
        ("10.1.2.3", "[2001:db8::1]", PROXIES, "2001:db8::/64"),
        ("2001:db8::5", "", (), "2001:db8::/64"),
        ("2001:db8::5", "198.51.100.1", ("2001:db8::/32",), "198.51.100.1"),
        ("", "198.51.100.1", PROXIES, "198.51.100.1"),
        (None, "198.51.100.1", (), None),
        (None, "", PROXIES, None),
        ("a socket", "", (), None),
    ],
)
def test_client_address_is_the_last_that_no_trusted_proxy_has(
    peer: str | None, forwarded: str, trusted: tuple[str, ...], found: str | None
) -> None:
    assert client_address(peer, forwarded, trusted) == found


@pytest.mark.parametrize("wrong", [["10.0.0.0/40"], ["proxy"], "10.0.0.7", [7]])
def test_trusted_proxies_that_are_no_networks_are_refused(wrong: Any) -> None:
    with pytest.raises(SettingError, match="networks such as 10"):
        dash_pipe.configure(trusted_proxies=wrong)


def test_address_of_a_proxy_that_is_not_trusted_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    headers: Mapping[str, str] = {"x-forwarded-for": "198.51.100.1"}
    assert address_of(runtime.current(), headers, "10.1.2.3") is None  # addresses are not counted
    dash_pipe.configure(max_connections_per_address=2)
    for _ in range(3):
        assert address_of(runtime.current(), headers, "10.1.2.3") == "10.1.2.3"
    assert [each.message for each in caplog.records if "trusted_proxies" in each.message]
    assert len(caplog.records) == 1
    dash_pipe.configure(trusted_proxies=["10.1.2.3"])
    assert address_of(runtime.current(), headers, "10.1.2.3") == "198.51.100.1"


def test_address_that_has_left_is_forgotten() -> None:
    dash_pipe.configure(max_connections_per_address=1)
    addresses = Addresses(runtime.current())
    for _ in range(3):
        assert addresses.enter("203.0.113.7") is None
        assert addresses.enter("203.0.113.7") is not None
        assert addresses.enter("203.0.113.8") is None
        for each in ("203.0.113.7", "203.0.113.8"):
            addresses.leave(each)
    assert not addresses._counts


def end(line: Line) -> int | None:
    code = line.close_code()
    line.flush()
    return code


def test_connections_of_one_address_are_bounded_and_of_others_not(
    connect: Open,  # noqa: F811
) -> None:
    dash_pipe.configure(max_connections_per_address=2)
    ours = [connect(address="203.0.113.7") for _ in range(2)]
    for line in ours:
        line.subscribe("jobs")
    assert end(connect(address="203.0.113.7")) == 1013
    assert connect(address="203.0.113.8").subscribe("jobs")["type"] == "subscribed"
    assert dash_pipe.stats()["max_connections_per_address_reached"] == 1
    ours[0].sock.close()
    wait_for_value(lambda: dash_pipe.stats()["connections"], 2, "the connections")
    assert connect(address="203.0.113.7").subscribe("jobs")["type"] == "subscribed"


def test_connections_of_one_address_on_asgi_are_bounded() -> None:
    async def main() -> list[str]:
        proxy: dict[str, Any] = {"client": ("10.1.2.3", 5)}

        def headers(address: str) -> list[tuple[bytes, bytes]]:
            return [(b"host", b"app.org"), (b"x-forwarded-for", address.encode())]

        async with Server(headers=headers("198.51.100.1"), **proxy) as one:
            await one.next()
            await one.subscribe()
            async with Server(headers=headers("198.51.100.1"), **proxy) as two:
                await two.next()
                kinds = [(await two.next())["type"]]
            async with Server(headers=headers("198.51.100.2"), **proxy) as three:
                await three.next()
                kinds.append((await three.subscribe())["type"])
        async with Server(headers=headers("198.51.100.1"), **proxy) as four:
            await four.next()
            kinds.append((await four.subscribe())["type"])
        return kinds

    dash_pipe.configure(max_connections_per_address=1, trusted_proxies=["10.0.0.0/8"])
    assert asyncio.run(main()) == ["websocket.close", "subscribed", "subscribed"]
