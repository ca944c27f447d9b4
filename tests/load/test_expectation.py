"""Which replies are what was expected, and what is said of those that are not."""

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from harness.load.expectation import expectation
from harness.load.within_bound import TooLongError, bounded
from harness.mcp import outcome
from harness.mcp.messages import Reply

NOTE = {
    "content": [{"type": "text", "text": 'note 1\nof "many"'}],
    "structuredContent": {"notes": [{"id": 1}], "ok": True},
}
ERROR = {"content": [{"type": "text", "text": "Database error"}], "isError": False}
IN_TEXT = {"content": [{"type": "text", "text": '{"id": 7}'}]}
RESOURCE = {"contents": [{"uri": "a:b", "text": "hello"}]}
LIST = {"tools": [{"name": "a"}]}
SCHEMA = {"type": "object", "required": ["notes"]}


def decided(result: Any, expect: dict[str, Any], ended: str = outcome.OK) -> tuple[str, str]:
    reply = expectation(expect)(Reply(ended, result=msgspec.Raw(json.dumps(result).encode())))
    return reply.outcome, reply.detail


@pytest.mark.parametrize(
    ("result", "expect"),
    [
        (NOTE, {"contains": ["note 1", 'of "many"'], "lacks": ["Database error"]}),
        (NOTE, {"matches": '^of "\\w+"$'}),
        (NOTE, {"path": ["$.notes[0].id"], "equal": {"$.notes[0].id": 1, "$.ok": True}}),
        (NOTE, {"schema": SCHEMA}),
        (IN_TEXT, {"equal": {"$.id": 7}}),
        (RESOURCE, {"contains": ["hello"], "path": ["$.contents[0].uri"]}),
        (LIST, {"contains": ['"name":"a"'], "path": ["$.tools[0]"]}),
        (ERROR, {}),
    ],
)
def test_what_fits_stays_a_success(result: Any, expect: dict[str, Any]) -> None:
    """Texts as they are after JSON is read; the value of a tool is its structured content, or the JSON in its text."""
    assert decided(result, expect) == (outcome.OK, "")


@pytest.mark.parametrize(
    ("result", "expect", "why"),
    [
        (ERROR, {"contains": ["note"]}, "without 'note': Database error"),
        (ERROR, {"lacks": ["Database error"]}, "with 'Database error': Database error"),
        (ERROR, {"matches": "^note"}, "does not match '^note': Database error"),
        (ERROR, {"path": ["$.notes"]}, "nothing at '$.notes': Database error"),
        (NOTE, {"equal": {"$.notes[0].id": 2}}, "another value at '$.notes[0].id': note 1 of \"many\""),
        (NOTE, {"equal": {"$.notes[0].id": True}}, "another value at '$.notes[0].id'"),
        (ERROR, {"schema": SCHEMA}, "not the schema at '$': Database error"),
        (None, {"contains": ["x"]}, "without 'x'"),
    ],
)
def test_what_does_not_fit_is_unexpected_and_says_why(result: Any, expect: dict[str, Any], why: str) -> None:
    """With the server's words, on one line."""
    found, detail = decided(result, expect)

    assert found == outcome.UNEXPECTED
    assert detail.startswith(why)
    assert detail.isprintable()


def test_a_failure_stays_what_it_is() -> None:
    """Only successes are held against what was expected."""
    assert decided(ERROR, {"contains": ["note"]}, outcome.TOOL_ERROR)[0] == outcome.TOOL_ERROR


@pytest.mark.parametrize(
    "expect",
    [
        {"matches": "(a+)+$"},
        {"matches": "^(a|a)*$"},
        {"schema": {"pattern": "^(a+)+$"}},
    ],
)
def test_a_text_for_which_an_expression_needs_ages_is_no_success(expect: dict[str, Any]) -> None:
    """A server that knows the expression would stop every user of the worker; the next reply is decided as ever."""
    ages = {"content": [{"type": "text", "text": "a" * 60 + "!"}]}
    found, detail = decided(ages, expect)
    assert (found, "not decided in" in detail) == (outcome.UNEXPECTED, True)
    assert decided({"content": [{"type": "text", "text": "aab"}]}, {"matches": "(a+)+b$"})[0] == outcome.OK


def test_a_bound_that_was_kept_rings_for_nobody_later() -> None:
    """Neither behind the work, nor for work of another thread, which has no bound."""
    assert bounded(lambda: 5, 0.001) == 5
    signal.raise_signal(signal.SIGVTALRM)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(bounded, lambda: 6).result() == 6
    with pytest.raises(TooLongError):
        bounded(_for_ever, 0.01)


def _for_ever() -> None:
    while True:
        pass
