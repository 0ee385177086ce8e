"""Hand messages to the process that started this one, if that serves pages."""

from __future__ import annotations

import secrets
import time

from ..errors import BrokerUnavailableError, InvalidMessageError
from ..log import Position
from . import door
from .exchange import read, send

ATTEMPTS = 2  # the second if the parent has closed the connection without an answer


class Parent:
    """The process that started this one.

    Args:
        directory: of its relay; see ``address``.
        timeout: seconds that a message may take.

    Attributes:
        directory: see above.
    """

    def __init__(self, directory: str, timeout: float) -> None:
        self.directory = directory
        self._timeout = timeout

    def publish(
        self, channel: str, label: str, value: str, message_id: str | None = None
    ) -> Position | None:
        """Have the parent publish a message; return its position, ``None`` if it serves no page.

        Raises:
            InvalidMessageError: the parent does not take such a message.
            BrokerUnavailableError: it did not answer in time.
        """
        message_id = message_id or secrets.token_urlsafe(12)
        head = {"channel": channel, "label": label, "id": message_id}
        deadline = time.monotonic() + self._timeout
        is_sent = False
        try:
            for _ in range(ATTEMPTS):
                with door.connect(self.directory, deadline) as sock:
                    is_sent = True
                    try:
                        send(sock, head, value)
                        answer, _ = read(sock, 0, deadline)
                    except (EOFError, BrokenPipeError, ConnectionResetError):
                        continue
                    return _position(answer)
        except TimeoutError as error:
            raise BrokerUnavailableError(
                f"the process that serves the pages did not answer within {self._timeout:g} s",
                may_have_been_sent=is_sent,
                message_id=message_id,
            ) from error
        except OSError:
            return None
        return None


def _position(answer: dict[str, list[object]]) -> Position:
    if "invalid" in answer:
        raise InvalidMessageError("value", str(answer["invalid"]))
    epoch, offset = answer["position"]
    return Position(str(epoch), int(str(offset)))
