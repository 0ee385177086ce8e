"""The option `--shard`."""

import argparse
from collections import Counter

import pytest

from harness.shards import shard, split


def test_split_puts_each_file_in_one_of_similar_parts() -> None:
    tests = Counter(a=9, b=5, c=4, d=3, e=3)
    parts = split(tests, 3)
    assert sorted(name for part in parts for name in part) == sorted(tests)
    assert [sum(tests[name] for name in part) for part in parts] == [9, 8, 7]


def test_split_more_parts_than_files_leaves_parts_empty() -> None:
    assert split(Counter(a=1), 2) == [{"a"}, set()]


def test_shard_of_valid_text_is_parsed() -> None:
    assert shard("2/4") == (2, 4)


@pytest.mark.parametrize("text", ["5/4", "0/4", "1", "a/b", "1/", "-1/4"])
def test_shard_of_invalid_text_raises(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="such as 1/4"):
        shard(text)
