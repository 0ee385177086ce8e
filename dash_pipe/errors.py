"""The family of errors that dash-pipe raises.

Each message says what was expected, what came, and what to do.
"""

from __future__ import annotations


class DashPipeError(Exception):
    """The root of the family: ``except DashPipeError`` catches whatever dash-pipe raises."""


class InvalidMessageError(DashPipeError, ValueError):
    """A message can't be sent as it is; nothing was sent.

    Attributes:
        argument: the argument at fault: ``channel_name``, ``label``, ``value`` or ``message_id``.
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(f"{argument}: {reason}")
        self.argument = argument


class SettingError(DashPipeError, ValueError):
    """A setting is unknown, of the wrong kind, or came too late.

    Attributes:
        setting: the name at fault, as the user wrote it.
    """

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(f"{setting}: {reason}")
        self.setting = setting


class BrokerUnavailableError(DashPipeError, ConnectionError):
    """The broker could not be reached in time, or refused.

    Send again with ``message_id=error.message_id``, and the message is delivered once at most,
    whatever became of the first attempt.

    Attributes:
        may_have_been_sent: whether the message may be in the channel all the same. When false, it
            is not.
        message_id: the id of the message.
    """

    def __init__(self, reason: str, *, may_have_been_sent: bool, message_id: str) -> None:
        state = "may have been sent all the same" if may_have_been_sent else "was not sent"
        super().__init__(
            f"the message {state}: {reason}; to try again without delivering it twice, send it "
            f"with message_id={message_id!r}"
        )
        self.may_have_been_sent = may_have_been_sent
        self.message_id = message_id


class SetupError(DashPipeError, RuntimeError):
    """``setup(app)`` was given something that it can't serve."""


class ProtocolError(DashPipeError):
    """A browser sent a frame that breaks the protocol; it is answered with an ``error`` frame.

    Attributes:
        code: one of the codes of docs/protocol.md.
        channel: the channel that the frame was about, where that is known.
    """

    def __init__(self, code: str, reason: str, channel: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.channel = channel
