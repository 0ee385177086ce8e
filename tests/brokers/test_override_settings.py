"""``override_settings`` in a project's tests: another broker, and nothing left of the first."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from dash_pipe import runtime, send_to_pipe_channel
from harness.project import configure
from harness.redis import RedisServer
from harness.wait import wait_for, wait_for_value

configure()


@pytest.fixture
def _on_redis(redis: RedisServer, fresh_runtime: None) -> Iterator[None]:
    with override_settings(DASH_PIPE={"broker": redis.url}):
        yield


def threads() -> set[str]:
    return {each.name for each in threading.enumerate() if each.name.startswith("dash-pipe")}


@pytest.mark.usefixtures("_on_redis")
def test_override_of_the_broker_leaves_redis_alone(redis: RedisServer) -> None:
    others = threads()
    send_to_pipe_channel("jobs", "a", 1)
    runtime.current().broker.open("jobs")  # a thread listens, with two connections
    wait_for(lambda: len(redis.clients()) > 1, "the listener to be connected")
    keys = redis.keys()
    with override_settings(DASH_PIPE={"broker": "memory://"}):
        assert send_to_pipe_channel("tests", "a", 2).offset == 1
        assert redis.keys() == keys
        wait_for_value(redis.clients, [], "no connection to Redis but")
        assert threads() <= others
    assert send_to_pipe_channel("jobs", "a", 3).offset == 2


def test_override_of_channel_layers_gives_another_layer(
    redis: RedisServer, fresh_runtime: None
) -> None:
    def layers(prefix: str) -> dict[str, Any]:
        config = {"hosts": [redis.url], "prefix": prefix}
        backend = "channels_redis.core.RedisChannelLayer"
        return {"default": {"BACKEND": backend, "CONFIG": config}}

    with override_settings(
        DASH_PIPE={"broker": "channels://default"}, CHANNEL_LAYERS=layers("first")
    ):
        runtime.current().broker.open("jobs")
        wait_for(lambda: "first:group:dpd_pipe_jobs" in str(redis.keys()), "the first layer")
        with override_settings(CHANNEL_LAYERS=layers("second")):
            runtime.current().broker.open("jobs")
            wait_for(lambda: "second:group:dpd_pipe_jobs" in str(redis.keys()), "the second layer")
