"""``dash-pipe listeners``: print how many browsers listen on a channel."""

from __future__ import annotations

import sys
from argparse import Namespace

from .. import runtime
from ..errors import InvalidMessageError, ListenersUnknownError
from ..producers import listeners
from .exits import Exit, Failure


def run(options: Namespace) -> Exit:
    """Print the number for a channel, and a label if one is given."""
    if runtime.current().broker.coordinator is None:
        raise Failure(
            Exit.USAGE,
            "listeners: messages are in memory, or in a channel layer, so only the processes of "
            "the app know who listens. Set DASH_PIPE_BROKER=redis://... for both, or give it with "
            "--broker; without Redis, call dash_pipe.listeners(...) in the app",
        )
    try:
        number = listeners(options.channel, options.label)
    except InvalidMessageError as error:
        raise Failure(Exit.USAGE, str(error)) from None
    except ListenersUnknownError as error:
        raise Failure(Exit.UNREACHABLE, str(error)) from None
    sys.stdout.write(f"{number}\n")
    return Exit.OK
