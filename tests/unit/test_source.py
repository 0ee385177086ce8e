"""The declaration of a source."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from dash_pipe import SourceError, runtime, source
from dash_pipe.producers.sources import Sources


def numbers() -> Iterator[int]:
    yield 1


async def async_numbers() -> AsyncIterator[int]:
    yield 1


def number() -> int:
    return 1


async def async_number() -> int:
    return 1


def of_symbol(symbol: str) -> Iterator[str]:
    yield symbol


def declared() -> Sources:
    return runtime.current().program.declared(Sources)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (numbers, {}),
        (async_numbers, {}),
        (number, {"every": 1}),
        (async_number, {"every": 0.5}),
        (numbers, {"label": "n", "linger": 0, "always": True}),
    ],
)
def test_source_that_fits_is_declared_and_stays_the_function(
    function: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    assert source("c", **arguments)(function) is function
    ((made, values),) = declared().of("c")
    assert (made.function, values) == (function, {})
    assert declared().of("d") == []


def test_source_with_a_pattern_gets_the_variables() -> None:
    source("ticker-{symbol}", label="tick")(of_symbol)
    ((made, values),) = declared().of("ticker-ABC")
    assert values == {"symbol": "ABC"}
    assert made.name == "of_symbol"


@pytest.mark.parametrize(
    ("channel", "arguments", "function", "message"),
    [
        ("", {}, numbers, "expected a channel of 1 to 200 characters, got ''"),
        ("dash_pipe.commands", {}, numbers, "expected a channel"),
        ("a{b", {}, numbers, "expected a channel or a pattern, got 'a{b': a variable is a name"),
        ("c", {"label": ""}, numbers, "source numbers of 'c': label: expected 1 to 200"),
        ("c", {"every": 0}, number, "every: expected seconds, 0.001 at least, got 0"),
        ("c", {"every": "1"}, number, "every: expected seconds"),
        ("c", {"linger": -1}, numbers, "linger: expected seconds, got -1"),
        ("c-{x}", {"always": True}, numbers, "always=True needs a channel without variables"),
        ("c", {"every": 1}, numbers, "it yields, so it takes no every="),
        ("c", {}, number, r"expected a generator \(a function that yields values\), or every=1.0"),
        ("c", {}, async_number, "expected a generator"),
        ("c", {}, of_symbol, r"the variables of the pattern \(none\) and nothing else: missing"),
        ("c-{x}", {}, of_symbol, r"the variables of the pattern \(x\)"),
        ("c", {}, 5, "expected a function to decorate, got 5"),
    ],
)
def test_source_that_can_not_run_raises_error_that_names_it(
    channel: str, arguments: dict[str, Any], function: Any, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        source(channel, **arguments)(function)
    assert declared().of(channel or "x") == []


def test_second_source_of_a_channel_and_label_raises_error_that_names_both() -> None:
    source("c", label="n")(numbers)
    with pytest.raises(SourceError, match=r"source other of 'c'.*'n' already: .*numbers"):

        @source("c", label="n")
        def other() -> Iterator[int]:
            yield 2


def test_sources_of_one_channel_may_have_different_labels() -> None:
    source("c", label="n")(numbers)
    source("c", label="m")(async_numbers)
    assert [made.label for made, _ in declared().of("c")] == ["n", "m"]


def test_function_that_is_defined_again_replaces_itself() -> None:
    """Think of a module that is imported as ``__main__`` and by name, and of a notebook."""
    for _ in range(2):

        @source("c", label="n")
        def again() -> Iterator[int]:
            yield 1

    ((made, _values),) = declared().of("c")
    assert made.function is again


def test_copy_of_a_runtime_has_the_sources_and_keeps_its_own() -> None:
    source("c", label="n")(numbers)
    other = runtime.current().copy()
    assert len(other.program.declared(Sources).of("c")) == 1
    with runtime.swapped(other):
        source("c", label="m")(async_numbers)
        assert len(declared().of("c")) == 2
    assert len(declared().of("c")) == 1
