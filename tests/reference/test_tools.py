"""The registry of tools: schemas, checks of arguments."""

import jsonschema
import pytest

from harness.reference.tools import TOOLS, BadArgumentsError


@pytest.mark.parametrize("name", TOOLS)
def test_schemas_are_valid_json_schema(name):
    """Each tool's schema is one that a client can use."""
    jsonschema.Draft202012Validator.check_schema(TOOLS[name].schema())


def test_defaults_are_filled_in():
    """execute_query needs its query only."""
    checked = TOOLS["execute_query"].checked({"query": "SELECT 1"})

    assert checked == {"query": "SELECT 1", "database": "TEST_DB", "schema": "PUBLIC", "limit": 100}


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("execute_query", {}, "query is missing."),
        ("execute_query", {"query": 1}, "query must be text."),
        ("execute_query", {"query": "x", "limit": "10"}, "limit must be a whole number."),
        ("execute_query", {"query": "x", "limit": True}, "limit must be a whole number."),
        ("execute_query", {"query": "x", "limit": 0}, "limit must be from 1 to 10000."),
        ("execute_query", {"query": "x", "limit": 10**9}, "limit must be from 1 to 10000."),
        (
            "execute_query",
            {"query": "x", "sql": "y"},
            "sql is not an argument; the arguments are query, database, schema, limit.",
        ),
        ("execute_query", {"query": "SELECT 1 \0"}, "query has a NUL or half of a surrogate pair in it."),
        ("append_entry", {"entry": "\ud800"}, "entry has a NUL or half of a surrogate pair in it."),
        ("append_entry", {"entry": "x" * 2001}, "entry is longer than 2000 characters."),
        ("read_entries", {"after": -1}, "after must be from 0 to 9223372036854775807."),
        ("list_databases", {"a": 1}, "a is not an argument; there are none."),
    ],
)
def test_bad_arguments_are_named(name, arguments, words):
    """What does not fit says which argument and why."""
    with pytest.raises(BadArgumentsError) as refused:
        TOOLS[name].checked(arguments)

    assert str(refused.value) == words
