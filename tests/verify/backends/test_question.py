"""A question that verify.yaml declares: its names are filled in wherever they stand, and the answer is what a tool brings."""

import json
from typing import Any

import pytest

from harness.mcp.messages import Reply
from harness.verify.backends.page import Page
from harness.verify.backends.question import filled, of_tool

NAMES = {"id": "7", "unique": "verify-x"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("task {{id}} of {{unique}}", "task 7 of verify-x"),
        ({"{{id}}": ["{{unique}}", 3, None]}, {"7": ["verify-x", 3, None]}),
        ("{{nothing}}", "{{nothing}}"),
        (True, True),
    ],
)
def test_names_are_filled_in_wherever_they_stand(value: Any, expected: Any) -> None:
    """In keys and in lists, too; what is no name of ours stays."""
    assert filled(value, NAMES) == expected


def text(words: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": words}]}


@pytest.mark.parametrize(
    ("result", "value"),
    [
        ({"structuredContent": {"status": "done"}} | text("in words"), {"status": "done"}),
        (text('{"status": "done"}'), {"status": "done"}),
        (text("in words"), None),
        (text("[" * 100_000), None),
        ({"content": [{"type": "image"}]}, None),
        ({"content": ["odd"]}, None),
        ({"content": {}}, None),
        ({}, None),
    ],
)
def test_what_a_tool_brings_is_structured_or_json_in_its_first_text(result: Any, value: Any) -> None:
    """Anything else has no value, and is no crash."""
    assert of_tool(Reply("ok", result=json.dumps(result).encode())) == Page(200, value)


def test_a_call_that_failed_says_how() -> None:
    """It has no status."""
    page = of_tool(Reply("tool_error", detail="no such task"))

    assert (page.status, page.value) == (None, None)
    assert "no such task" in page.why
