"""What the command line understands, and what ``--help`` teaches."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from typing import Any

from ..protocol import MAX_LAST

_ABOUT = """\
Server push for Dash, from the shell: send to a channel, listen on one, serve browsers.

Processes meet in a broker that they share: set DASH_PIPE_BROKER=redis://... for the app and for
this command. Without one, go through a running app: --url http://localhost:8050/_pipe/
"""
_CODES = """\
exit codes: 0 all went well; 1 a message was not sent; 2 the command, a setting or the server does
not allow it; 3 the broker or the server can't be reached
"""
_SEND = """\
Send a message to every Pipe that listens on CHANNEL for LABEL.

VALUE is JSON; what is not JSON is sent as a text. So 5 is a number, '"5"' and five are texts.
With - for VALUE each line of standard input is a message, sent when the line comes; blank lines
are skipped, and a line that can't be sent is reported with its number.
"""
_SEND_EXAMPLES = """\
examples:
  dash-pipe send jobs progress 0.4
  dash-pipe send jobs done '{"id": 7, "ok": true}'
  dash-pipe send --url http://localhost:8050/_pipe/ jobs state finished
  mosquitto_sub -t 'sensors/#' | dash-pipe send sensors reading -

--url posts to <url>poke/, which the app has to have on: http_poke_enabled (and, from another
machine, http_poke_token; this command sends what DASH_PIPE_HTTP_POKE_TOKEN holds).

"""
_LISTEN = """\
Write the messages of CHANNEL to standard output, a line of JSON each, as they come:
{"channel_name": ..., "label": ..., "value": ..., "offset": ..., "time": ...}

Without a LABEL every label is listened to. A connection that is lost is opened again, and what
was sent meanwhile comes then; what is lost for good is said on standard error.
"""
_LISTEN_EXAMPLES = """\
examples:
  dash-pipe listen jobs
  dash-pipe listen jobs progress done --replay 1
  dash-pipe listen --url https://example.org/app/_pipe/ jobs | jq .value
  dash-pipe listen jobs done --count 1 && echo finished

"""
_SERVE = """\
Serve the endpoint alone, without an app: websockets, their fallback and poke. For where the app's
own server can't, or should not, hold the browsers' connections; it needs a shared broker, unless
poke is the only one to send. Tell the app where it is with DASH_PIPE_URL, or have a proxy bring
<prefix>_pipe/ here.
"""
_SERVE_EXAMPLES = """\
examples:
  DASH_PIPE_BROKER=redis://localhost dash-pipe serve
  dash-pipe serve --host 0.0.0.0 --port 8060 --prefix /dashboard/

"""
_DOCTOR = """\
Say what is installed, which settings are in force and whether the broker answers; with --url also
whether a running app or gateway does. For each trouble it says what to do.
"""

_RAW: Any = {"formatter_class": RawDescriptionHelpFormatter}


def parser() -> ArgumentParser:
    """What the command line understands."""
    root = ArgumentParser("dash-pipe", description=_ABOUT, epilog=_CODES, **_RAW)
    commands = root.add_subparsers(required=True, dest="command", metavar="COMMAND")

    send = commands.add_parser(
        "send", help="send a message", description=_SEND, epilog=_SEND_EXAMPLES + _CODES, **_RAW
    )
    send.add_argument("channel", metavar="CHANNEL")
    send.add_argument("label", metavar="LABEL")
    send.add_argument("value", metavar="VALUE", help="JSON, else a text; - reads lines")
    send.add_argument(
        "--text", action="store_true", help="take VALUE as a text, also if it is JSON"
    )
    send.add_argument("--strict", action="store_true", help="end at the first line that fails")
    send.add_argument("--id", help="of messages with the same id one is delivered: to send again")
    _where(send)

    listen = commands.add_parser(
        "listen",
        help="write the messages of a channel",
        description=_LISTEN,
        epilog=_LISTEN_EXAMPLES + _CODES,
        **_RAW,
    )
    listen.add_argument("channel", metavar="CHANNEL")
    listen.add_argument("labels", metavar="LABEL", nargs="*")
    listen.add_argument(
        "--replay",
        type=_number(1, MAX_LAST),
        default=0,
        help="first, so many past ones of each label",
    )
    listen.add_argument("--count", type=_number(1, 2**53), help="end after so many messages")
    _where(listen)

    serve = commands.add_parser(
        "serve",
        help="serve browsers, without an app",
        description=_SERVE,
        epilog=_SERVE_EXAMPLES + _CODES,
        **_RAW,
    )
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    serve.add_argument(
        "--port",
        type=_number(0, 65535),
        default=8060,
        help="the port (8060); 0 is any that is free",
    )
    serve.add_argument("--prefix", default="/", help="the path in which _pipe/ lies (/)")
    _broker(serve)

    doctor = commands.add_parser(
        "doctor", help="say what is wrong", description=_DOCTOR, epilog=_CODES, **_RAW
    )
    _where(doctor)
    return root


def _where(command: ArgumentParser) -> None:
    command.add_argument("--url", help="the endpoint of a running app or gateway")
    _broker(command)


def _broker(command: ArgumentParser) -> None:
    command.add_argument("--broker", help="in place of DASH_PIPE_BROKER; others can see it in ps")


def _number(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text[:20]) <= high:
            raise ArgumentTypeError(f"expected a whole number from {low} to {high}, got {text!r}")
        return int(text)

    return number
