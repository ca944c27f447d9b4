"""A workload's entries as requests: what they ask for, and what their rows are called."""

import json
from random import Random
from typing import Any

import pytest

from harness.load.workload import OPERATION_CHARS_MAX, chosen, works
from harness.mcp.dialects import new_session


def ask(entry: dict[str, Any], count: int = 1) -> tuple[str, str, dict[str, Any], dict[str, str]]:
    (work,) = works([entry])
    request = work.request(new_session("2026-07-28"), work.draw(Random(1), count))
    message = json.loads(request.body)
    message["params"].pop("_meta")
    return request.operation, message["method"], message["params"], dict(request.headers)


@pytest.mark.parametrize(
    ("entry", "operation", "method", "params", "name"),
    [
        (
            {"call": "echo", "args": {"n": "{{counter}}"}},
            "tools/call:echo",
            "tools/call",
            {"name": "echo", "arguments": {"n": 7}},
            "echo",
        ),
        (
            {"read": "file:///{{counter}}", "args": {}, "call": None},
            "resources/read:file:///{{counter}}",
            "resources/read",
            {"uri": "file:///7"},
            "file:///7",
        ),
        (
            {"prompt": "hello", "args": {"age": 5, "n": "{{counter}}", "yes": True, "who": "me"}},
            "prompts/get:hello",
            "prompts/get",
            {"name": "hello", "arguments": {"age": "5", "n": "7", "yes": "true", "who": "me"}},
            "hello",
        ),
        ({"list": "resources/templates"}, "resources/templates/list", "resources/templates/list", {}, None),
    ],
)
def test_each_kind_of_entry_asks_for_what_it_says(
    entry: dict[str, Any], operation: str, method: str, params: dict[str, Any], name: str | None
) -> None:
    """One operation an entry, with the name in the header where the protocol wants it; prompts take texts."""
    found = ask(entry, 7)

    assert found[:3] == (operation, method, params)
    assert found[3].get("Mcp-Name") == name


def test_the_name_of_an_operation_is_bounded() -> None:
    """An address may be as long as it likes."""
    assert len(ask({"read": "file:///" + "x" * 5000})[0]) == OPERATION_CHARS_MAX


def test_weights_are_kept() -> None:
    """One where nothing was said."""
    assert [work.weight for work in works([{"call": "a"}, {"list": "tools", "weight": 4}])] == [1, 4]


def test_examples_are_sent_as_they_are_each_entry_as_often_as_the_others() -> None:
    """No text of theirs is a template; two users begin at different places."""
    entries = works(
        [
            {"call": "a", "examples": [{"x": "{{counter}}"}]},
            {"prompt": "p", "examples": [{"t": "1"}, {"t": "2"}]},
            {"read": "u://{id}", "examples": [{"uri": "u://1"}]},
            {"call": "b", "examples": [{}]},
        ]
    )
    rng = Random(1)
    order = [[chosen(entries, [1] * 4, rng, user, count) for count in range(8)] for user in range(2)]

    assert all(taken.count(one) == 2 for taken in order for one in entries)
    assert order[0] != order[1]
    drawn = [one.draw(rng, 1) for one in entries]
    assert drawn[0] == {"x": "{{counter}}"}
    assert drawn[1]["name"] == "p"
    assert drawn[1]["arguments"] in ({"t": "1"}, {"t": "2"})
    assert drawn[2:] == [{"uri": "u://1"}, {}]
    assert [one.operation for one in entries[1:3]] == ["prompts/get:p", "resources/read:u://{id}"]
