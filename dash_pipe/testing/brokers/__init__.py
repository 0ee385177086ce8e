"""The tests that every broker must pass."""

from __future__ import annotations

from .base import Connect
from .browser import HubRunner
from .messages import MessageTests
from .reader import BrokerReader
from .resume import ResumeTests
from .window import WindowTests

__all__ = ["BrokerContract", "BrokerReader", "Connect", "HubRunner"]


class BrokerContract(MessageTests, WindowTests, ResumeTests):
    """Test a broker.

    A subclass overrides the fixture ``connect``::

        class TestPigeonBroker(BrokerContract):
            message_ids = False  # forgets them

            @pytest.fixture
            def connect(self, loft):
                return lambda limits: PigeonBroker(loft.url, limits)

    ``connect`` returns a function that makes a broker with some ``Limits``. Each test begins with
    no messages. Two brokers of one test share their messages, as two processes do. The fixture
    ends them after the test if they hold connections.

    The attributes name abilities that a broker may lack; its tests of them are then skipped.

    Attributes:
        shared: two brokers share their messages. If not, one broker plays both processes.
        history: a log holds messages that were sent before it was opened, within the limits.
        positions: ``publish`` returns the message's position.
        message_ids: a message whose id is known is not appended again.
        any_name: a channel may have any name.
    """
