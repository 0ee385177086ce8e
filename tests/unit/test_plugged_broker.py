"""A broker of another package: given to configure(), or found by its entry point."""

from pathlib import Path

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.brokers import Broker, connect, is_known
from dash_pipe.brokers.memory import MemoryBroker
from dash_pipe.errors import SettingError
from dash_pipe.log import Limits

MODULE = """
from dash_pipe.brokers.memory import MemoryBroker

class PigeonBroker(MemoryBroker):
    def __init__(self, url, limits, max_idle_channels, send_timeout):
        super().__init__(limits, max_idle_channels)
        self.url, self.send_timeout = url, send_timeout
"""
ENTRY_POINTS = "[dash_pipe.brokers]\npigeon = pigeons:PigeonBroker\n"


@pytest.fixture
def pigeons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package with a broker for ``pigeon://``."""
    (tmp_path / "pigeons.py").write_text(MODULE)
    info = tmp_path / "pigeons-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeons\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)


def test_broker_given_to_configure_takes_the_messages() -> None:
    broker = MemoryBroker(Limits(), 10)
    dash_pipe.configure(broker=broker)
    position = dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    assert runtime.current().broker is broker
    assert broker.open("jobs").end == position


def test_class_given_as_broker_raises() -> None:
    with pytest.raises(SettingError, match=r"^broker: expected a URL .* or a Broker, got <class"):
        dash_pipe.configure(broker=MemoryBroker)  # type: ignore[arg-type]


@pytest.mark.usefixtures("pigeons")
def test_broker_of_another_package_is_found_by_its_scheme() -> None:
    dash_pipe.configure(broker="pigeon://loft", send_timeout=3, max_idle_channels=7)
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    broker = runtime.current().broker
    assert isinstance(broker, Broker)
    assert type(broker).__name__ == "PigeonBroker"
    assert vars(broker)["url"] == "pigeon://loft"
    assert vars(broker)["send_timeout"] == 3


@pytest.mark.usefixtures("pigeons")
def test_unknown_scheme_names_every_known_scheme() -> None:
    assert is_known("pigeon://loft")
    assert not is_known("dove://loft")
    with pytest.raises(SettingError, match=r"expected a URL .*redis://.*pigeon://; got 'dove://"):
        connect("dove://loft", Limits(), 1)
