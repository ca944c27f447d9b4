"""Schemas that hold together: what a reference refers to, and what holds where two hold."""

from typing import Any

import pytest

from harness.mcp.schemas.merging import UnknownReferenceError, merged, resolved

ROOT = {"$defs": {"a/b": {"$anchor": "here", "type": "string"}, "list": [1, {"x": 2}]}}


@pytest.mark.parametrize(
    ("reference", "what"),
    [
        ("#", ROOT),
        ("#/$defs/a~1b", ROOT["$defs"]["a/b"]),
        ("#/$defs/list/1/x", 2),
        ("#here", ROOT["$defs"]["a/b"]),
        ("#/%24defs/list/0", 1),
    ],
)
def test_a_reference_within_the_schema_is_followed(reference: str, what: object) -> None:
    assert resolved(ROOT, reference) == what


@pytest.mark.parametrize(
    "reference",
    [
        None,
        3,
        "other.json",
        "#/nowhere",
        "#/$defs/list/9",
        "#/$defs/list/x",
        "#nobody",
        "#/$defs/list/000000",
    ],
)
def test_a_reference_to_what_is_not_there_is_an_error(reference: object) -> None:
    with pytest.raises(UnknownReferenceError):
        resolved(ROOT, reference)


@pytest.mark.parametrize("root", [[], {"$defs": []}, {"$defs": {"a": 1}}])
def test_an_anchor_needs_definitions(root: Any) -> None:
    with pytest.raises(UnknownReferenceError):
        resolved(root, "#here")


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ({}, {"type": "string"}, {"type": "string"}),
        ({"type": "number"}, {"type": "integer"}, {"type": "integer"}),
        ({"type": ["string", "null"]}, {"type": "string"}, {"type": "string"}),
        ({"type": ["string", "null", "number"]}, {"type": ["null", "string"]}, {"type": ["string", "null"]}),
        ({"type": "string"}, {"type": "array"}, {"type": "array"}),
        ({"minimum": 3}, {"minimum": 5}, {"minimum": 5}),
        ({"maximum": 3}, {"maximum": 5}, {"maximum": 3}),
        ({"minimum": "x"}, {"minimum": 5}, {"minimum": 5}),
        ({"maxLength": True}, {"maxLength": 5}, {"maxLength": 5}),
        ({"required": ["a"]}, {"required": ["a", "b"]}, {"required": ["a", "b"]}),
        ({"required": "a"}, {"required": ["b"]}, {"required": ["b"]}),
        ({"enum": [1, 2]}, {"enum": [2, 3]}, {"enum": [2]}),
        ({"enum": 1}, {"enum": [2]}, {"enum": [2]}),
        ({"title": "first"}, {"title": "second"}, {"title": "first"}),
        ({"format": "date"}, {"format": "uri"}, {"format": "uri"}),
        (
            {"properties": {"a": {"minimum": 1}, "b": True}},
            {"properties": {"a": {"minimum": 2}, "b": {"type": "string"}}},
            {"properties": {"a": {"minimum": 2}, "b": {"type": "string"}}},
        ),
        ({"properties": 1}, {"properties": {"a": {}}}, {"properties": {"a": {}}}),
    ],
)
def test_what_holds_where_both_hold(one: Any, other: Any, both: Any) -> None:
    assert merged(one, other) == both
