"""``info`` says whether the broker answers."""

import asyncio
import json

import dash
import httpx
import pytest

import dash_pipe
from dash_pipe.brokers.memory import MemoryBroker
from dash_pipe.endpoint.health import FRESH_SECONDS, TIMEOUT, BrokerHealth
from dash_pipe.log import Limits
from unit.fakes import Clock


class PingedBroker(MemoryBroker):
    """A broker in another process, which is away while it has a problem."""

    may_wait = True
    problem: Exception | None = None
    pings = 0

    def ping(self, timeout: float) -> None:
        assert timeout == TIMEOUT
        self.pings += 1
        if self.problem is not None:
            raise ConnectionError("Redis: connecting to 10.0.0.7") from self.problem


@pytest.fixture
def broker() -> PingedBroker:
    return PingedBroker(Limits(), 10)


def info_of(backend: str) -> tuple[int, dict[str, object]]:
    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(app.server)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/_pipe/info")

    app = dash.Dash("app", backend=backend)
    app.layout = []
    if backend == "flask":
        answer = app.server.test_client().get("/_pipe/info")
        return answer.status_code, answer.json
    response = asyncio.run(main())
    return response.status_code, response.json()


@pytest.mark.parametrize("backend", ["flask", "fastapi", "quart"])
def test_info_without_its_broker_answers_503_with_the_reason(
    backend: str, broker: PingedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    dash_pipe.configure(broker=broker)
    broker.problem = TimeoutError("late")
    status, found = info_of(backend)
    assert status == 503
    assert "the broker is away (TimeoutError)" in str(found["status"])
    assert "10.0.0.7" not in json.dumps(found)  # anybody may read it
    assert "the broker is away: Redis: connecting to 10.0.0.7" in caplog.text
    assert found["interval"] == 2.0  # a page can poll until it is back


@pytest.mark.parametrize("backend", ["flask", "fastapi", "quart"])
def test_info_with_all_well_answers_200_and_ok(backend: str, broker: PingedBroker) -> None:
    dash_pipe.configure(broker=broker)
    status, found = info_of(backend)
    assert (status, found["status"], broker.pings) == (200, "ok", 1)


def test_health_asks_the_broker_once_a_second_and_logs_an_outage_once(
    broker: PingedBroker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    health = BrokerHealth(broker.ping, clock)
    broker.problem = TimeoutError()
    assert [bool(health.problem()) for _ in range(100)] == [True] * 100
    clock.now += FRESH_SECONDS
    assert health.problem()
    assert (broker.pings, len(caplog.messages)) == (2, 1)
    broker.problem = None
    clock.now += FRESH_SECONDS
    assert health.problem() == ""
