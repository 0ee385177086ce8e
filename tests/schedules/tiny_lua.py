"""Scripts of a tiny Redis, run by Lua 5.1 as in a real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from lupa import lua51
from redis.exceptions import ResponseError


class Lua:
    """Scripts, compiled once.

    Args:
        execute: executes a command, ``execute(name, *arguments)``, and returns its reply.
    """

    def __init__(self, execute: Callable[..., Any]) -> None:
        self._lua = lua51.LuaRuntime(encoding=None, unpack_returned_tuples=True)
        self._execute = execute
        self._functions: dict[bytes, Any] = {}
        names = self._lua.globals()
        names[b"redis"] = self._lua.table_from({b"call": self._call})
        self._null = self._lua.table()
        cjson = {b"decode": self._decode, b"encode": self._encode, b"null": self._null}
        names[b"cjson"] = self._lua.table_from(cjson)
        self._type = lua51.lua_type

    def run(self, text: bytes, keys: list[bytes], arguments: list[bytes]) -> Any:
        """Run a script; return its reply."""
        if text not in self._functions:
            self._functions[text] = self._lua.eval(b"function(KEYS, ARGV) " + text + b"\nend")
        table = self._lua.table_from
        return self._reply(self._functions[text](table(keys), table(arguments)))

    def _call(self, name: bytes, *arguments: Any) -> Any:
        given = [_number(each) if isinstance(each, int | float) else each for each in arguments]
        return self._value(self._execute(name.decode(), *given))

    def _value(self, reply: Any) -> Any:
        """Return a reply as a script sees it."""
        if reply is None:
            return False
        if reply == b"OK":
            return self._lua.table_from({b"ok": reply})
        if isinstance(reply, list):
            return self._lua.table_from([self._value(each) for each in reply])
        return reply

    def _reply(self, value: Any) -> Any:
        """Return what a script returns as a reply."""
        if value is None or value is False:
            return None
        if value is True:
            return 1
        if isinstance(value, float):
            return int(value)
        if self._type(value) == "table":
            return self._table(value)
        return value

    def _table(self, table: Any) -> Any:
        if table[b"err"] is not None:
            raise ResponseError(table[b"err"].decode())
        if table[b"ok"] is not None:
            return table[b"ok"]
        items = []
        while (item := table[len(items) + 1]) is not None:
            items.append(self._reply(item))
        return items

    def _decode(self, text: bytes) -> Any:
        return self._decoded(json.loads(text))

    def _decoded(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._lua.table_from(
                {name.encode(): self._decoded(each) for name, each in value.items()}
            )
        if isinstance(value, list):
            return self._lua.table_from([self._decoded(each) for each in value])
        if value is None:
            return self._null
        return value.encode() if isinstance(value, str) else value

    def _encode(self, value: Any) -> bytes:
        return json.dumps(self._encoded(value), separators=(",", ":")).encode()

    def _encoded(self, value: Any) -> Any:
        if value == self._null:
            return None
        if self._type(value) == "table":
            names = list(value)
            if names == list(range(1, len(names) + 1)) and names:
                return [self._encoded(value[name]) for name in names]
            return {name.decode(): self._encoded(value[name]) for name in names}
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value.decode() if isinstance(value, bytes) else value


@cache
def _number(value: float) -> bytes:
    """Return a number as Redis passes it to a command."""
    return format(float(value), ".17g").encode()
