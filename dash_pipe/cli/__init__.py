"""Run the command line; see docs/cli.md."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence

from .. import runtime
from ..errors import SettingError
from .arguments import parse
from .exits import Exit, Failure


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code.

    Args:
        arguments: the words after ``dash-pipe``; None means those of this process. Then modules
            in the working directory can be imported, as for any program.
    """
    if arguments is None:
        _add_working_directory()
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        if options.broker is not None:
            runtime.current().configure(broker=options.broker)
        return int(_COMMANDS[options.command](options))
    except (Failure, SettingError) as error:
        sys.stderr.write(f"dash-pipe: {error}\n")
        return error.code if isinstance(error, Failure) else Exit.USAGE
    except KeyboardInterrupt:
        return Exit.OK
    except BrokenPipeError:
        # The reader of our output has gone. Python flushes at exit, so redirect that to devnull.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK


def _add_working_directory() -> None:
    """Let ``DASH_PIPE_AUTHORIZE=module:function`` find modules as ``python -m dash_pipe`` does."""
    directory = os.getcwd()
    if not getattr(sys.flags, "safe_path", False) and not {"", directory} & set(sys.path):
        sys.path.insert(0, directory)


# Each command imports its modules when it runs, so that none loads the modules of another.


def _send(options: Namespace) -> Exit:
    from .send import run

    return run(options)


def _listen(options: Namespace) -> Exit:
    from .listen import run

    return run(options)


def _listeners(options: Namespace) -> Exit:
    from .listeners import run

    return run(options)


def _serve(options: Namespace) -> Exit:
    from .serve import serve

    return serve(options.host, options.port, options.prefix)


def _doctor(options: Namespace) -> Exit:
    from .doctor import examine

    return examine(options.url)


_COMMANDS: Mapping[str, Callable[[Namespace], Exit]] = {
    "send": _send,
    "listen": _listen,
    "listeners": _listeners,
    "serve": _serve,
    "doctor": _doctor,
}
