"""docs/summary.schema.json is made of the structs; and follows what it is made from."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.run_directory.results import Summary, schema
from tests.fakes.results import filled, plain

FILE = Path(__file__).parents[3] / "docs" / "summary.schema.json"


def test_the_file_in_docs_is_what_the_structs_say() -> None:
    """Made anew by `make schema`."""
    assert FILE.read_text(encoding="utf-8") == schema.text()


def test_it_is_a_schema() -> None:
    """Of the dialect that it names."""
    Draft202012Validator.check_schema(schema.schema())


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({}, True),
        ({"duration_s": 3}, True),
        ({"duration_s": 3.5}, True),
        ({"duration_s": -1}, False),
        ({"exit_code": 7}, False),
        ({"verdict": "measured"}, False),
        ({"reasons": [1]}, False),
        ({"more": 1}, False),
        ({"knee": {}}, False),
    ],
)
def test_it_says_what_a_value_may_be(changes: dict[str, object], valid: bool) -> None:
    """As the decoder does."""
    validator = Draft202012Validator(json.loads(FILE.read_text(encoding="utf-8")))

    assert validator.is_valid(plain(filled(Summary)) | changes) == valid
