"""Arguments repeated in headers: what a schema may mark, and what a call then carries."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.mcp.dialects import new_session
from harness.mcp.mirrored import header_value, mirrored, param_headers, sort_out
from harness.mcp.traits import Traits

TEXT = {"type": "string", "x-mcp-header": "Region"}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("given_schema", "expected"),
    [
        (None, {}),
        ({}, {}),
        (schema(a={"type": "string"}), {}),
        (schema(a=TEXT), {"Region": ["a"]}),
        (schema(a={"type": ["integer", "null"], "x-mcp-header": "N"}), {"N": ["a"]}),
        (schema(a=schema(b={"type": "boolean", "x-mcp-header": "Deep"})), {"Deep": ["a", "b"]}),
        (schema(a={"type": "string", "default": {"x-mcp-header": ""}}), {}),
    ],
)
def test_what_properties_lead_to_may_be_repeated(given_schema: Any, expected: dict[str, list[str]]) -> None:
    """Texts, whole numbers and truth values, however deep."""
    assert mirrored(given_schema) == expected


@pytest.mark.parametrize(
    ("given_schema", "why"),
    [
        (schema(a={"type": "string", "x-mcp-header": ""}), "no name"),
        (schema(a={"type": "string", "x-mcp-header": 5}), "no name"),
        (schema(a={"type": "string", "x-mcp-header": "My Region"}), "no name"),
        (schema(a={"type": "string", "x-mcp-header": "Région"}), "no name"),
        (schema(a={"type": "string", "x-mcp-header": "R\t1"}), "no name"),
        (schema(a={"type": "number", "x-mcp-header": "A"}), "on number"),
        (schema(a={"type": "object", "x-mcp-header": "A"}), "on object"),
        (schema(a={"type": ["string", "array"], "x-mcp-header": "A"}), "on "),
        (schema(a={"type": "null", "x-mcp-header": "A"}), "on null"),
        (schema(a={"x-mcp-header": "A"}), "no type"),
        (schema(a=TEXT, b=TEXT | {"x-mcp-header": "region"}), "twice"),
        (schema(a={"type": "array", "items": TEXT}), "where properties lead"),
        ({"anyOf": [schema(a=TEXT)]}, "where properties lead"),
        ({"$defs": {"x": schema(a=TEXT)}}, "where properties lead"),
        (TEXT, "where properties lead"),
    ],
)
def test_a_tool_that_breaks_the_rules_is_not_called(given_schema: dict[str, Any], why: str) -> None:
    """And the others of its server are."""
    tools, headers, refused = sort_out(
        [{"name": "bad", "inputSchema": given_schema}, {"name": "good", "inputSchema": schema(a=TEXT)}]
    )

    assert [tool["name"] for tool in tools] == ["good"]
    assert headers == {"good": {"Region": ["a"]}}
    assert why in refused["bad"]


def test_a_schema_without_a_floor_is_refused_not_followed() -> None:
    """Depth is bounded."""
    deep: dict[str, Any] = TEXT
    for _ in range(100):
        deep = schema(a=deep)

    with pytest.raises(ValueError, match="too deep"):
        mirrored(deep)


@settings(max_examples=40, deadline=None)
@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["properties", "x-mcp-header", "type", "items", "a"]), inner)))  # fmt: skip
def test_any_schema_is_either_read_or_refused(anything: object) -> None:
    """Nothing else comes of it, and every header it gives has a name."""
    try:
        found = mirrored(anything)
    except ValueError:
        return
    assert all(name and path for name, path in found.items())


WANTED = {"Region": ["region"], "Deep": ["a", "b"], "Flag": ["flag"]}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"region": "us west 1"}, {"Region": "us west 1"}),
        ({"region": 42, "flag": False}, {"Region": "42", "Flag": "false"}),
        ({"region": None, "flag": True}, {"Flag": "true"}),
        ({"a": {"b": "x"}}, {"Deep": "x"}),
        ({"a": "no object"}, {}),
        ({"region": ""}, {"Region": "=?base64??="}),
        ({"region": " padded"}, {"Region": "=?base64?IHBhZGRlZA==?="}),
        ({"region": "Grüße"}, {"Region": "=?base64?R3LDvMOfZQ==?="}),
        ({"region": "=?base64?eA==?="}, {"Region": "=?base64?PT9iYXNlNjQ/ZUE9PT89?="}),
    ],
)
def test_a_call_s_headers_repeat_its_arguments(arguments: dict[str, Any], expected: dict[str, str]) -> None:
    """What is absent or null has none."""
    assert dict(param_headers(WANTED, arguments)) == {
        f"Mcp-Param-{name}": value for name, value in expected.items()
    }


@given(st.text())
def test_whatever_a_text_holds_its_header_is_one_printable_line(text: str) -> None:
    """Nothing of an argument can end the line."""
    shown = header_value(text)

    assert shown.isascii()
    assert shown.isprintable()
    assert shown == shown.strip()


@pytest.mark.parametrize("method", ["call", "request"])
def test_a_session_of_2026_07_28_carries_them_and_older_ones_do_not(method: str) -> None:
    """The same bytes whichever way a call is made."""
    traits = Traits(mirrored={"where": {"Region": ["region"]}})

    def named(protocol: str) -> dict[str, str]:
        session = new_session(protocol, traits)
        if method == "call":
            request = session.call("where", {"region": "eu"})
        else:
            request = session.request("tools/call", {"name": "where", "arguments": {"region": "eu"}})
        return {name: value for name, value in request.headers if name.startswith("Mcp-Param-")}

    assert named("2026-07-28") == {"Mcp-Param-Region": "eu"}
    assert named("2025-11-25") == {}
