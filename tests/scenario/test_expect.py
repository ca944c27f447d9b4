"""What a scenario and `--expect` say of a reply."""

from pathlib import Path
from typing import Any

import pytest

from harness.foundation.errors import UsageError
from harness.scenario.expect import expect_from_flags
from harness.scenario.read import scenario_of

LOAD = [{"sustain": {"users": 1, "for": "1s"}}]


def read(expect: Any) -> Any:
    data = {
        "name": "x",
        "target": {"url": "http://127.0.0.1:9/mcp"},
        "workload": [{"call": "echo", "expect": expect}],
        "load": LOAD,
    }
    return scenario_of(data, "s.yaml", {}).workload[0].expect


def test_flags_say_what_a_scenario_would(tmp_path: Path) -> None:
    """One text or many; a value after == is JSON, or a text."""
    file = tmp_path / "schema.json"
    file.write_text('{"type": "object"}')

    flags = expect_from_flags(
        [
            "contains=a",
            "contains=b=c",
            "lacks=no",
            "matches=^x",
            "path=$.a",
            "path=$.n == 3",
            "path=$.t==word",
            f"schema={file}",
        ]
    )

    assert flags == {
        "contains": ["a", "b=c"], "lacks": ["no"], "matches": "^x", "path": ["$.a"], "equal": {"$.n": 3, "$.t": "word"}, "schema": {"type": "object"},
    }  # fmt: skip
    assert read(flags) == read({**flags, "path": "$.a", "lacks": "no"})


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"matches": "("}, "expect.matches: is no regular expression"),
        ({"path": "$..a"}, "is no path that is known here"),
        ({"equal": {"$[": 1}}, "is no path that is known here"),
        ({"schema": {"type": "objekt"}}, "expect.schema: is no JSON Schema"),
        ({"contians": "a"}, "expect.contians: unknown key; did you mean contains?"),
        ({"contains": ""}, "should have at least 1 character"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_key(expect: Any, message: str) -> None:
    """Before anything starts."""
    with pytest.raises(UsageError) as refused:
        read(expect)

    assert message in "\n".join(refused.value.lines())


@pytest.mark.parametrize("text", ["note", "has=note", "schema=/nonexistent"])
def test_a_flag_that_cannot_be_read_is_refused(text: str) -> None:
    """With the keys that there are, or the reason."""
    with pytest.raises(ValueError, match=r"contains=\.\.\.|cannot be read"):
        expect_from_flags([text])
