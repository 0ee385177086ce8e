"""The contract of a broker, for Redis and a channel layer; memory's is in tests/unit."""

from dataclasses import asdict

import pytest

from brokers.conftest import Make
from dash_pipe.testing.brokers import BrokerContract, Connect


class TestRedisBroker(BrokerContract):
    @pytest.fixture
    def connect(self, make_redis: Make) -> Connect:
        return lambda limits: make_redis(**asdict(limits))


class TestChannelLayerBroker(BrokerContract):
    history = False
    positions = False
    message_ids = False
    any_name = False

    @pytest.fixture
    def connect(self, make_layer: Make) -> Connect:
        return lambda limits: make_layer(**asdict(limits))
