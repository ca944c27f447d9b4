"""Files of feeders, checked before anything starts: columns, rows enough, credentials."""

from pathlib import Path
from typing import Any

import pytest

from harness.conduct.setup import feeding
from harness.foundation.errors import UsageError
from harness.foundation.secrets import hiding
from harness.scenario.model import Scenario
from harness.scenario.read import scenario_of


def asked(file: Path, text: str, feeder: dict[str, Any] | None = None, **more: Any) -> Scenario:
    file.write_text(text)
    data = {
        "name": "x",
        "target": {"url": "http://127.0.0.1:9/mcp", "headers": {"Authorization": "Bearer {{people.key}}"}},
        "workload": [{"call": "a", "args": {"x": "{{people.id}}"}}],
        "load": [{"sustain": {"users": 1, "for": "9s"}}],
        "data": {"people": {"file": str(file)} | (feeder or {})},
    }
    return scenario_of(data | more, "s.yaml", {})


def test_the_first_rows_are_what_the_harness_asks_with(tmp_path: Path) -> None:
    """And their credentials are hidden, whatever their column is called."""
    scenario = asked(tmp_path / "a.csv", "id,key\n1,first-word-9\n2,other-word-9\n")

    assert feeding.first_rows(scenario) == {"people": {"id": "1", "key": "first-word-9"}}
    assert feeding.headers_to_ask(scenario) == {"Authorization": "Bearer first-word-9"}
    assert feeding.own_headers(scenario) == {"Authorization": "Bearer {{people.key}}"}
    assert "other-word-9" not in hiding.hide("it said other-word-9")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name,key\n1,k\n", "{{people.id}}: there is nothing like that in the first row of data.people"),
        ("id,name\n1,k\n", "{{people.key}}: there is nothing like that"),
        ("id,key\n1,good-word\n2,\n", "data.people: row 2 cannot stand in a header"),
        ('id,key\n1,"bad\nX-Evil: 1"\n', "data.people: row 1 cannot stand in a header"),
        (
            "id,key\n" + "".join(f"1,word-{number:05}\n" for number in range(1_001)),
            "has too many credentials",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_and_not_repeated(tmp_path: Path, text: str, why: str) -> None:
    """Exit 2, and no secret in it."""
    with pytest.raises(UsageError) as refused:
        feeding.first_rows(asked(tmp_path / "a.csv", text))

    said = "\n".join(refused.value.lines())
    assert why in said
    assert "Evil" not in said


def test_rows_that_are_given_once_have_to_be_enough(tmp_path: Path) -> None:
    """For the calls that the load makes."""
    scenario = asked(
        tmp_path / "a.csv",
        "id\n1\n2\n",
        {"order": "once"},
        load=[{"bench": {"requests": 2, "users": 1}}, {"bench": {"requests": 1, "users": 1}}],
        target={"url": "http://127.0.0.1:9/mcp"},
    )

    with pytest.raises(UsageError, match="has 2 rows, and the load makes 3 calls"):
        feeding.first_rows(scenario)
