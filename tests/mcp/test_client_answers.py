"""What a client without a person answers to a server that asks."""

from typing import Any

import pytest

from harness.mcp.client_answers import elicited, rooted, sampled


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({"type": "string", "default": "mine"}, "mine"),
        ({"type": "string", "enum": ["red", "blue"]}, "red"),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, "a"),
        ({"type": "boolean"}, True),
        ({"type": "integer"}, 1),
        ({"type": "number", "minimum": 7}, 7),
        ({"type": "array", "items": {"enum": ["x"]}}, ["x"]),
        ({"type": "string", "format": "email"}, "someone@example.com"),
        ({"type": "string", "minLength": 8}, "answer.."),
        ({"type": "string", "maxLength": 3}, "ans"),
        ({"type": "string", "maxLength": "long"}, "answer"),
    ],
)
def test_a_form_is_accepted_with_a_value_for_each_field(field: dict[str, Any], value: object) -> None:
    asked = {"requestedSchema": {"type": "object", "properties": {"it": field, "odd": 3}}}
    assert elicited(asked) == {"action": "accept", "content": {"it": value}}


@pytest.mark.parametrize("params", [{}, {"requestedSchema": 3}, {"requestedSchema": {"properties": []}}])
def test_what_has_no_fields_is_accepted_as_it_is(params: dict[str, Any]) -> None:
    assert elicited(params) == {"action": "accept"}


def test_a_model_s_answer_and_roots_have_their_form() -> None:
    assert sampled({})["content"] == {"type": "text", "text": "An answer of mcp-harness."}
    assert rooted({}) == {"roots": []}
