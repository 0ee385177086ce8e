"""The errors that dash-pipe raises.

Each message says what was expected, what came, and what to do.
"""

from __future__ import annotations


class DashPipeError(Exception):
    """The base class: ``except DashPipeError`` catches every error of dash-pipe."""


class InvalidMessageError(DashPipeError, ValueError):
    """A message is invalid. Nothing was sent.

    Attributes:
        argument: the invalid argument: ``channel_name``, ``label``, ``value`` or ``message_id``.
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(f"{argument}: {reason}")
        self.argument = argument


class SettingError(DashPipeError, ValueError):
    """A setting is unknown, of the wrong kind, or was changed too late.

    Attributes:
        setting: the name of the setting, as the user wrote it.
    """

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(f"{setting}: {reason}")
        self.setting = setting


class InvalidPermissionError(DashPipeError, ValueError):
    """The end of a permission is no time, or its user no name; see ``allow``."""


class SourceError(DashPipeError, ValueError):
    """A source is declared wrongly; see ``source``."""


class ListenersUnknownError(DashPipeError, ConnectionError):
    """The broker did not tell how many browsers listen. A retry may succeed."""


class SigningError(DashPipeError, ValueError):
    """An argument of ``sign_channel`` is invalid. Nothing was signed.

    Attributes:
        argument: the invalid argument.
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(f"{argument}: {reason}")
        self.argument = argument


class BrokerUnavailableError(DashPipeError, ConnectionError):
    """The broker did not answer in time, or rejected the message.

    Retry with ``message_id=error.message_id``: the message is then delivered at most once, even if
    the first attempt succeeded.

    Attributes:
        reason: why it was not sent.
        may_have_been_sent: whether the message may be in the channel. If False, it is not.
        message_id: the id of the message.
    """

    def __init__(self, reason: str, *, may_have_been_sent: bool, message_id: str) -> None:
        state = "may have been sent" if may_have_been_sent else "was not sent"
        super().__init__(
            f"the message {state}: {reason}; to retry without delivering it twice, send it "
            f"with message_id={message_id!r}"
        )
        self.reason = reason
        self.may_have_been_sent = may_have_been_sent
        self.message_id = message_id


class EndpointUnavailableError(DashPipeError, ConnectionError):
    """The endpoint can't be reached, or the connection to it has ended. A retry may succeed.

    Attributes:
        code: the close code of the websocket; 1006 if there was none.
    """

    def __init__(self, reason: str, code: int = 1006) -> None:
        super().__init__(reason)
        self.code = code


class HandshakeRejectedError(EndpointUnavailableError):
    """The server answered, but opened no websocket. A retry succeeds only if the server changes.

    Attributes:
        status: the HTTP status of the answer, if it was one.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class ListenDeniedError(DashPipeError, PermissionError):
    """The server does not let this client listen. A retry with the same request fails again."""


class ListenError(DashPipeError, ValueError):
    """An argument of ``listen`` is invalid. Nothing was connected.

    Attributes:
        argument: the invalid argument.
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(f"{argument}: {reason}")
        self.argument = argument


class SetupError(DashPipeError, RuntimeError):
    """A function was called where it can't work: with an app that it can't serve, or under trio."""


class ProtocolError(DashPipeError):
    """A browser sent an invalid frame; the answer is an ``error`` frame.

    Attributes:
        code: one of the codes of docs/protocol.md.
        channel: the channel of the frame, if known.
    """

    def __init__(self, code: str, reason: str, channel: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.channel = channel
