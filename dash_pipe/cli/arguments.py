"""Parse the arguments of the command line; hold the texts of ``--help``."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..protocol import MAX_LAST
from ..protocol.address import EXAMPLE
from ..version import __version__

if TYPE_CHECKING:
    from argparse import Namespace, _SubParsersAction

    Commands = _SubParsersAction[ArgumentParser]

_ABOUT = f"""\
Server push for Dash, from the shell: send to a channel, listen on one, serve browsers.

The command and the app need a shared broker: set DASH_PIPE_BROKER=redis://... for both. Without
one, go through the running app: --url {EXAMPLE}
"""
_CODES = """\
exit codes: 0 success; 1 a message was not sent; 2 a wrong command or setting, or rejected by the
server; 3 the broker or the server can't be reached
"""
_SEND = """\
Send a message to every Pipe that listens on CHANNEL for LABEL.

VALUE is JSON, otherwise text: 5 is a number, '"5"' and five are texts. If VALUE is -, each line of
standard input is a message, sent when it comes. Blank lines are skipped. A line that can't be sent
is reported with its number.
"""
_SEND_EXAMPLES = f"""\
examples:
  dash-pipe send jobs progress 0.4
  dash-pipe send jobs done '{{"id": 7, "ok": true}}'
  dash-pipe send --url {EXAMPLE} jobs state finished
  mosquitto_sub -t 'sensors/#' | dash-pipe send sensors reading -

--url posts to poke/ below the endpoint's base. The app must have the setting http_poke_enabled and,
for other machines, http_poke_token: this command sends the token in DASH_PIPE_HTTP_POKE_TOKEN.

"""
_LISTEN = """\
Write the messages of CHANNEL to standard output, a line of JSON each, as they come:
{"channel_name": ..., "label": ..., "value": ..., "offset": ..., "time": ...}

Without LABEL, listen for every label. A lost connection is opened again, and what was sent
meanwhile follows. Standard error says when the server has accepted the subscription ("listening"),
and reports messages that are lost for good.
"""
_LISTEN_EXAMPLES = """\
examples:
  dash-pipe listen jobs
  dash-pipe listen jobs progress done --replay 1
  dash-pipe listen --url https://example.org/app/_pipe/ jobs | jq .value
  dash-pipe listen --url https://example.org/_pipe/ --header 'Cookie: session=...' jobs
  dash-pipe listen jobs done --count 1 && echo finished

"""
_LISTENERS = """\
Write the number of browsers that listen on CHANNEL now, in all processes that share the broker.
"""
_LISTENERS_EXAMPLES = """\
examples:
  dash-pipe listeners jobs
  dash-pipe listeners jobs --label done
  [ "$(dash-pipe listeners jobs)" = 0 ] || echo somebody listens

"""
_SERVE = """\
Serve the endpoint alone, without an app: websockets, polling and poke. Use it if the app's own
server can't or should not hold the browsers' connections. It needs a shared broker, unless only
poke sends. Set DASH_PIPE_URL for the app to the gateway's address, or let a proxy route
<prefix>_pipe/ to it.
"""
_SERVE_EXAMPLES = """\
examples:
  DASH_PIPE_BROKER=redis://localhost dash-pipe serve
  dash-pipe serve --host 0.0.0.0 --port 8060 --prefix /dashboard/

"""
_DOCTOR = """\
Report what is installed, the settings, and whether the broker answers; with --url also whether a
running app or gateway does. Each problem comes with a remedy.
"""

_RAW: Any = {"formatter_class": RawDescriptionHelpFormatter}


def parse(arguments: Sequence[str]) -> Namespace:
    """Return the options of a command line; exit with 2 if it is wrong, as argparse does."""
    root = ArgumentParser("dash-pipe", description=_ABOUT, epilog=_CODES, **_RAW)
    root.add_argument("--version", action="version", version=f"dash-pipe {__version__}")
    commands = root.add_subparsers(required=True, dest="command", metavar="COMMAND")
    for add in (_add_send, _add_listen, _add_listeners, _add_serve, _add_doctor):
        add(commands)
    _check_command(root, arguments, list(commands.choices))
    return root.parse_args(arguments)


def _check_command(root: ArgumentParser, arguments: Sequence[str], known: list[str]) -> None:
    """Reject an unknown command, and suggest the nearest one; argparse only lists all of them."""
    command = next((each for each in arguments if not each.startswith("-")), known[0])
    if command not in known:
        nearest = get_close_matches(command, known, n=1)
        hint = f"did you mean {nearest[0]}? " if nearest else ""
        root.error(f"no such command: {command}; {hint}The commands are {', '.join(known)}")


def _add_send(commands: Commands) -> None:
    send = commands.add_parser(
        "send", help="send a message", description=_SEND, epilog=_SEND_EXAMPLES + _CODES, **_RAW
    )
    send.add_argument("channel", metavar="CHANNEL")
    send.add_argument("label", metavar="LABEL")
    send.add_argument("value", metavar="VALUE", help="JSON, otherwise text; - reads lines")
    send.add_argument("--text", action="store_true", help="send VALUE as text, even if it is JSON")
    send.add_argument("--strict", action="store_true", help="end at the first line that fails")
    send.add_argument(
        "--id", help="one message per id is delivered, so that a send can be retried safely"
    )
    _add_url(send)


def _add_listen(commands: Commands) -> None:
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
        metavar="N",
        help="begin with the newest N messages of each label",
    )
    listen.add_argument("--count", type=_number(1, 2**53), metavar="N", help="end after N messages")
    listen.add_argument(
        "--token",
        type=_text_or_file,
        help="a permission for authorize, like a Pipe's token; @FILE reads it from a file",
    )
    listen.add_argument(
        "--header",
        type=_header,
        action="append",
        default=[],
        dest="headers",
        metavar="'NAME: VALUE'",
        help="a header for the server, such as a cookie; @FILE reads it from a file",
    )
    _add_url(listen)


def _add_listeners(commands: Commands) -> None:
    listeners = commands.add_parser(
        "listeners",
        help="count the browsers that listen",
        description=_LISTENERS,
        epilog=_LISTENERS_EXAMPLES + _CODES,
        **_RAW,
    )
    listeners.add_argument("channel", metavar="CHANNEL")
    listeners.add_argument("--label", help="only those that listen for this label")
    _add_broker(listeners)


def _add_serve(commands: Commands) -> None:
    serve = commands.add_parser(
        "serve",
        help="serve browsers, without an app",
        description=_SERVE,
        epilog=_SERVE_EXAMPLES + _CODES,
        **_RAW,
    )
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    serve.add_argument(
        "--port", type=_number(0, 65535), default=8060, help="port (8060); 0 takes any free port"
    )
    serve.add_argument("--prefix", default="/", help="path of _pipe/ (/)")
    _add_broker(serve)


def _add_doctor(commands: Commands) -> None:
    doctor = commands.add_parser(
        "doctor", help="find out what is wrong", description=_DOCTOR, epilog=_CODES, **_RAW
    )
    _add_url(doctor)


def _add_url(command: ArgumentParser) -> None:
    command.add_argument(
        "--url", help=f"base of the endpoint of a running app or gateway, such as {EXAMPLE}"
    )
    _add_broker(command)


def _add_broker(command: ArgumentParser) -> None:
    command.add_argument(
        "--broker", help="replaces DASH_PIPE_BROKER; every user of this machine can see it in ps"
    )


def _number(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text[:20]) <= high:
            raise ArgumentTypeError(f"expected a whole number from {low} to {high}, got {text!r}")
        return int(text)

    return number


def _text_or_file(text: str) -> str:
    """Return a text; for ``@FILE`` the content of the file, since ps shows command lines."""
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise ArgumentTypeError(f"can't read {text[1:]}: {error}") from None


def _header(text: str) -> tuple[str, str]:
    name, colon, value = _text_or_file(text).partition(":")
    name, value = name.strip(), value.strip()
    if not (colon and name and (name + value).isprintable()):
        raise ArgumentTypeError("expected a header such as 'Cookie: session=...'")
    return name, value
