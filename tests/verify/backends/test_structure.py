"""What differs between the tables that are expected and those that there are; PostgreSQL's answers are recorded."""

import pytest

from harness.verify.backends import page, queue
from harness.verify.backends.structure import (
    FoundTable,
    apart,
    is_of_type,
    missing_tables,
    volatile,
    wrong_columns,
    wrong_indexes,
)
from harness.verify.spec.backends import Table

MEANT = {
    "int8": "bigint",
    "varchar": "character varying",
    "timestamptz": "timestamp with time zone",
    "bigint": "bigint",
}
ID = ("text", "text", "text")
TIME = ("timestamp with time zone", "timestamptz", "timestamp with time zone")
NAME = ("character varying", "varchar", "character varying(20)")


@pytest.mark.parametrize(
    ("kind", "types", "same"),
    [
        ("text", ID, True),
        ("TEXT", ID, True),
        ("timestamptz", TIME, True),
        ("timestamp  with time zone", TIME, True),
        ("timestamp", TIME, False),
        ("varchar", NAME, True),
        ("varchar(20)", NAME, True),
        ("character varying(20)", NAME, True),
        ("varchar(50)", NAME, False),
        ("int8", ("bigint", "int8", "bigint"), True),
        ("bigint", ("integer", "int4", "integer"), False),
        ("no_such_type", ID, False),
    ],
)
def test_a_type_goes_by_several_names(kind: str, types: tuple[str, ...], same: bool) -> None:
    assert is_of_type(kind, types, MEANT.get) is same


def test_what_is_missing_or_different_is_named() -> None:
    """A table that is not there has one line, not one for each of its columns."""
    expected = {
        "a": Table(columns={"id": "bigint", "gone": ""}, indexes=("a_pkey", "a_by_age", "a_broken")),
        "b": Table(columns={"id": "text"}),
        "c": Table(unlogged=True),
        "d": Table(),
    }
    found = {
        "a": FoundTable(True, {"id": ID}, {"a_pkey": True, "a_broken": False}),
        "c": FoundTable(False),
        "d": FoundTable(False),
    }

    assert missing_tables(expected, found) == ["there is no table b"]
    assert list(wrong_columns(expected, found, MEANT.get)) == [
        "a.id is text, not bigint",
        "a has no column gone",
    ]
    assert list(wrong_indexes(expected, found)) == [
        "a has no index a_by_age",
        "the index a_broken of a is not valid: its creation was interrupted",
    ]
    assert volatile(expected, found) == ["d is UNLOGGED: a crash of PostgreSQL empties it"]


def test_two_schemas_are_told_apart() -> None:
    """By tables, types of columns, and indexes."""
    one = {"a": FoundTable(True, {"id": ID, "at": TIME}, {"x": True}), "only": FoundTable()}
    other = {"a": FoundTable(True, {"id": NAME}, {"y": True}), "more": FoundTable()}

    assert list(apart(one, one, ("one", "other"))) == []
    assert list(apart(one, other, ("one", "other"))) == [
        "a.at is timestamp with time zone in one, missing in other",
        "a.id is text in one, character varying(20) in other",
        "only one has the index x of a",
        "only other has the index y of a",
        "only other has the table more",
        "only one has the table only",
    ]


@pytest.mark.parametrize(
    ("said", "durable"),
    [
        (
            "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'",
            False,
        ),
        ("PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'q' in vhost '/'", True),
        ("something else", None),
    ],
)
def test_what_a_broker_refuses_tells_whether_a_queue_is_durable(said: str, durable: bool | None) -> None:
    """Durability is compared first."""
    assert queue.durable_by(said) is durable


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", 7),
        ("task.id", "x"),
        ("steps.1.status", "done"),
        ("steps.7", None),
        ("id.more", None),
        ("no", None),
    ],
)
def test_a_value_is_found_by_its_path(path: str, value: object) -> None:
    told = {"id": 7, "task": {"id": "x"}, "steps": [{"status": "new"}, {"status": "done"}]}

    assert page.at(told, path) == value


def test_a_page_that_is_no_json_says_so() -> None:
    assert page.read(200, b"<h1>").why.startswith("it is not JSON")
    assert page.read(200, b"[" * 90_000).value is None
    assert page.read(500, b'{"error": 1}') == page.Page(500, {"error": 1}, "HTTP 500")
    assert page.read(204, b"").good
