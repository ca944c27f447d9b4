"""Paths into JSON: what stands there, and what is no path."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.mcp.json_path import MISSING, read_path

VALUE = {"items": [{"id": 1, "odd name": "a"}, {"id": 2}], "n": None, "deep": {"a": {"x": 1}, "b": {"x": 2}}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", VALUE),
        ("$.items[0].id", 1),
        ("items[-1].id", 2),
        ("$['items'][0][\"odd name\"]", "a"),
        ("$.n", None),
        ("$.items[*].id", [1, 2]),
        ("$.deep.*.x", [1, 2]),
        ("$.items[2].id", MISSING),
        ("$.items.id", MISSING),
        ("$.n[0]", MISSING),
        ("$.nothing[*]", MISSING),
    ],
)
def test_a_path_finds_what_stands_there(path: str, expected: Any) -> None:
    """A null is something, a place that is not there is nothing."""
    assert read_path(path).find(VALUE) == expected


@pytest.mark.parametrize(
    "path", ["$.", "$..id", "$.items[?(@.id>1)]", "$.items[0:1]", "$.a b", "$[", "$" + ".a" * 51, "$['a"]
)
def test_what_is_not_known_is_refused(path: str) -> None:
    """Never read as something else."""
    with pytest.raises(ValueError, match="is no path"):
        read_path(path)


@given(
    st.text(max_size=30),
    st.recursive(
        st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ),
)
def test_any_path_finds_or_misses_in_any_value(path: str, value: Any) -> None:
    """And raises nothing but that it is no path."""
    with suppress(ValueError):
        read_path(path).find(value)
