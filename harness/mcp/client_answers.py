"""Answers that a client without a person gives to a server that asks: form, sampling, roots.

A form is accepted with its defaults, its first choices, or a value of the type that its schema names.
"""

from typing import Any

from harness.mcp.json_object import JsonObject

TEXT = "An answer of mcp-harness."
BY_FORMAT = {
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
}


def elicited(params: JsonObject) -> JsonObject:
    """Accept what is asked: a form with its fields filled in, or an address that is to be visited."""
    schema = params.get("requestedSchema")
    fields = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(fields, dict):
        return {"action": "accept"}
    content = {name: _value(field) for name, field in fields.items() if isinstance(field, dict)}
    return {"action": "accept", "content": content}


def sampled(params: JsonObject) -> JsonObject:
    """Answer as a model would."""
    del params
    return {
        "role": "assistant",
        "content": {"type": "text", "text": TEXT},
        "model": "mcp-harness",
        "stopReason": "endTurn",
    }


def rooted(params: JsonObject) -> JsonObject:
    """Say that there are no roots."""
    del params
    return {"roots": []}


def _value(field: JsonObject) -> Any:
    if "default" in field:
        return field["default"]
    choices = field.get("enum") or [one.get("const") for one in field.get("oneOf") or ()]
    if choices:
        return choices[0]
    match field.get("type"):
        case "boolean":
            return True
        case "integer" | "number":
            return field.get("minimum", 1)
        case "array":
            return [_value(field.get("items") or {})][: max(1, field.get("minItems", 1))]
    text = BY_FORMAT.get(str(field.get("format")), "answer")
    least, most = field.get("minLength", 0), field.get("maxLength", len(text) + 1000)
    return text.ljust(least, ".")[:most] if isinstance(least, int) and isinstance(most, int) else text
