"""Values against schemas of somebody else's."""

from typing import Any

import pytest

from harness.verify.structured import can_be_held, differs

LONG: Any = {"type": "string"}
for _ in range(100):
    LONG = {"type": "object", "properties": {"a": LONG}}


@pytest.mark.parametrize(
    ("value", "schema", "why"),
    [
        ({"a": 1}, {"type": "object", "properties": {"a": {"type": "integer"}}}, ""),
        (
            {"a": "x"},
            {"type": "object", "properties": {"a": {"type": "integer"}}},
            "a: 'x' is not of type 'integer'",
        ),
        ({}, {"type": "object", "required": ["a"]}, "the result: 'a' is a required property"),
        ({"a": "b"}, {"type": "object", "properties": {"a": {"pattern": "^x"}}}, ""),
        (
            {"pattern": 1},
            {"properties": {"pattern": {"type": "string"}}},
            "pattern: 1 is not of type 'string'",
        ),
        ({}, {"type": "no such type"}, "its outputSchema is not a JSON Schema"),
        (
            {"a": 1},
            {"$ref": "http://127.0.0.1:1/schema"},
            "its outputSchema has a reference that does not resolve",
        ),
        ({"a": {"a": 1}}, {"$ref": "#"}, "its outputSchema refers to itself without end"),
        ({}, LONG, "its outputSchema refers to itself without end"),
    ],
)
def test_what_differs_is_told(value: Any, schema: Any, why: str) -> None:
    """By the path of the value; nothing is fetched."""
    found = differs(value, schema)

    assert found.startswith(why)
    assert bool(found) is bool(why)


def test_an_expression_that_takes_for_ever_is_not_tried() -> None:
    """What depends on one is not held at all."""
    evil = {"type": "string", "pattern": "^(a+)+$"}

    assert differs({"a": "a" * 60 + "!"}, {"properties": {"a": evil}}) == ""
    assert can_be_held({"properties": {"a": evil}})
    assert not can_be_held({"properties": {"a": {"not": evil}}})
    assert not can_be_held({"anyOf": [{"patternProperties": {"^a": {}}, "additionalProperties": False}]})
