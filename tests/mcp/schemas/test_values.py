"""Arguments from JSON Schemas: whatever the schema can say, what is drawn is valid, and the same for the same seed."""

from itertools import islice
from random import Random
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.mcp.schemas.arguments import drawn
from harness.mcp.schemas.learnt import Learnt
from harness.mcp.schemas.values import NoValueError

TREE = {"$defs": {"T": {"type": "object", "properties": {"v": {"enum": [1, 2]}, "kids": {"type": "array", "items": {"$ref": "#/$defs/T"}}}, "required": ["v"]}}}  # fmt: skip


def of(schema: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": schema}, "required": ["a"]} | more


def some(schema: Any, seed: int = 0, most: int = 12, learnt: Learnt | None = None) -> list[Any]:
    return list(islice(drawn(schema, Random(seed), learnt), most))


@pytest.mark.parametrize(
    "schema",
    [
        of({"type": "string"}),
        of({"type": "string", "minLength": 40, "maxLength": 41}),
        of({"type": "string", "pattern": r"^[A-Z]{3}-\d{4}(-[a-z]+)*$"}),
        of({"type": "string", "format": "date-time"}),
        of({"type": "string", "format": "email"}),
        of({"type": "string", "format": "ipv6"}),
        of({"type": "string", "enum": ["x", "y"]}),
        of({"const": 7}),
        of({"type": "integer", "minimum": 3, "maximum": 3}),
        of({"type": "integer", "exclusiveMinimum": 9, "exclusiveMaximum": 12}),
        of({"type": "integer", "minimum": -(2**53) + 1, "maximum": 2**53 - 1}),
        of({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
        of({"type": "integer", "multipleOf": 5, "minimum": 12, "maximum": 40}),
        of({"minimum": 0, "exclusiveMinimum": True, "type": "number"}, **{"$schema": "http://json-schema.org/draft-04/schema#"}),
        of({"type": "array", "items": {"type": "integer"}, "minItems": 4, "uniqueItems": True}),
        of({"type": "array", "prefixItems": [{"const": "p"}, {"type": "boolean"}], "items": False, "minItems": 2}),
        of({"type": "array", "contains": {"const": 4}}),
        of({"type": ["null", "string"]}),
        of({"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 5}]}),
        of({"oneOf": [{"type": "string", "maxLength": 3}, {"type": "object", "properties": {"b": {"type": "boolean"}}, "required": ["b"]}]}),
        of({"allOf": [{"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}, {"properties": {"y": {"type": "string"}}, "required": ["y"]}]}),
        of({"allOf": [{"type": "number", "minimum": 3}, {"type": "integer", "maximum": 3}]}),
        of({"$ref": "#/$defs/T"}, **TREE),
        of({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2}),
        of({"type": "object", "properties": {"b": {"type": "string"}}, "additionalProperties": False}, additionalProperties=False),
        of({"type": "string", "not": {"const": "hello"}}),
        of(True),
        {"type": "object", "properties": {"kind": {"enum": ["a", "b"]}, "b": {"type": "integer"}}, "required": ["kind"], "if": {"properties": {"kind": {"const": "b"}}}, "then": {"required": ["b"]}},
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"], "dependentRequired": {"a": ["b"]}},
        {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}},
        {"type": "object"},
        {},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_drawn_is_valid_and_the_seed_decides(schema) -> None:
    found = some(schema, seed=3)

    assert found
    assert found == some(schema, seed=3)
    for arguments in found:
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        kind(schema).validate(arguments)


def test_what_is_required_is_there_always_and_the_rest_at_times() -> None:
    schema = of({"type": "integer"}) | {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
    found = some(schema, most=30)

    assert list(found[0]) == ["a"]
    assert {frozenset(one) for one in found} == {frozenset("a"), frozenset("ab")}


def test_what_the_schema_proposes_comes_first_and_numbers_may_be_less() -> None:
    """A tool that takes as long as it is told to need not take ten seconds."""
    schema = {"type": "object", "properties": {"duration": {"type": "number", "default": 10}, "city": {"type": "string", "examples": ["Rome", "Oslo"]}}, "required": ["duration", "city"]}  # fmt: skip
    first, second, *_ = some(schema)

    assert (first, second) == ({"duration": 10, "city": "Rome"}, {"duration": 1.0, "city": "Rome"})


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (of(False), "allows no value"),
        (of({"$ref": "https://elsewhere.invalid/schema.json"}), "which is not in it"),
        (of({"$ref": "#/$defs/A"}, **{"$defs": {"A": {"$ref": "#/$defs/A"}}}), "round and round"),
        (of({"$ref": "#/$defs/A"}, **{"$defs": {"A": of({"$ref": "#/$defs/A"})}}), "round and round"),
        (of({"type": "string", "minLength": 10**9}), "a text of 1,000,000,000"),
        (of({"type": "array", "minItems": 10**6}), "a list of 1,000,000"),
        (of({"type": "integer", "minimum": 2, "maximum": 1}), "allows no number"),
        (of({"type": "array", "items": {"enum": [1, 2]}, "minItems": 3, "uniqueItems": True}), "more different items"),
        (of({"type": 7}), "no JSON Schema"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_met_says_so(schema, said) -> None:
    with pytest.raises(NoValueError, match=said):
        some(schema)


def test_a_schema_that_wants_half_a_surrogate_pair_has_no_arguments() -> None:
    with pytest.raises(NoValueError, match="no Unicode"):
        some(of({"enum": ["\ud800"]}))


def test_references_that_double_at_every_level_end_soon() -> None:
    """Thirty levels of two references each are a billion steps for who follows them all."""
    levels = {
        f"L{n}": {"allOf": [{"$ref": f"#/$defs/L{n + 1}"}, {"$ref": f"#/$defs/L{n + 1}"}]} for n in range(30)
    }
    with pytest.raises(NoValueError, match="round and round"):
        some(of({"$ref": "#/$defs/L0"}, **{"$defs": levels | {"L30": {"type": "string"}}}))


def test_values_learnt_from_the_server_come_before_words() -> None:
    learnt = Learnt()
    learnt.from_reply("list_databases", {}, ['[{"name": "shop"}]', "in /srv/files/a.txt"])
    schema = {"type": "object", "properties": {"database": {"type": "string"}, "path": {"type": "string"}, "mode": {"type": "string", "description": "either 'fast' or 'slow'"}}, "required": ["database", "path", "mode"]}  # fmt: skip

    assert some(schema, learnt=learnt)[0] == {"database": "shop", "path": "/srv/files/a.txt", "mode": "fast"}


PLAIN = st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"])
WORDS = st.sampled_from(
    ["type", "enum", "minimum", "maximum", "minLength", "pattern", "items", "properties", "required", "allOf", "anyOf", "$ref", "default", "const", "format", "multipleOf", "minItems", "uniqueItems", "dependentRequired", "prefixItems", "additionalProperties"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-50, 50) | st.floats(-5, 5) | PLAIN | st.sampled_from(["#", "#/x", "(a+)+$", "["]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | PLAIN, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(ANYTHING)
def test_whatever_a_server_calls_a_schema_there_are_arguments_or_a_reason(schema) -> None:
    """No other error, whatever it holds."""
    try:
        found = some(schema, most=3)
    except NoValueError:
        return
    assert all(isinstance(arguments, dict) for arguments in found)
