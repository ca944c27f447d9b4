"""Two runs side by side: every figure with its change, and what else is not alike."""

import json
from typing import Any

import pytest

from harness.analysis.statistics.rounding import BLANK
from harness.history.pair import Figure, Side, describe
from harness.run_directory.results import glance
from harness.run_directory.results.glance import Glance
from tests.history.past import latency, step, summary


def seen(summary: dict[str, Any]) -> Glance:
    """Of the file that says so."""
    return glance.read(json.dumps(summary))


METADATA: dict[str, Any] = {"versions": {"locust": "2.47.0"}, "workers": 1}


@pytest.mark.parametrize(
    ("unit", "was", "now", "change"),
    [
        ("ms", 40.0, 44.0, "+10.0%"),
        ("per_s", 200.0, 100.0, "-50.0%"),
        ("share", 1.0, 0.995, "-0.50 points"),
        ("count", 25.0, 20.0, "-5"),
        ("s", 2.0, 2.0, "+0.0%"),
        ("s", 0.0, 2.0, BLANK),
        ("ms", None, 2.0, BLANK),
        ("count", 25.0, None, BLANK),
    ],
)
def test_a_change_is_written_as_its_unit_asks(
    unit: str, was: float | None, now: float | None, change: str
) -> None:
    """Shares by points; what is not known on either side has no change, never a zero."""
    assert Figure("steady", "x", unit, was, now).change() == change


def test_a_pair_has_the_whole_run_each_held_step_the_breaking_point_and_recoveries() -> None:
    """A step that only one of them has is left out; a second step of the same name is told apart."""
    fault = {"name": "cut", "recover_s": 2.0}
    was = summary(
        "a",
        faults=[fault],
        breaking_point={"users": 25},
        steps=[step(0, "sustain", 10), step(1, "sustain", 10)],
    )
    now = summary(
        "b",
        latency_ms=latency(60.0),
        faults=[fault | {"recover_s": 3.0}, {"name": "new", "recover_s": 1.0}],
        breaking_point={"users": 20},
        steps=[
            step(0, "ramp", 5),
            step(1, "sustain", 15, 30.0),
            step(2, "sustain", 10),
            step(3, "soak", 1),
        ],
        verdict="fail",
    )

    pair = describe(
        Side(seen(was), METADATA, {}, {0: "steady", 1: "steady"}),
        Side(seen(now), METADATA, {}, {0: "climb", 1: "steady", 2: "steady", 3: "late"}),
    )
    found = {(one.of, one.name): (one.was, one.now) for one in pair.figures}

    assert (pair.was_verdict, pair.now_verdict, pair.unlike) == ("pass", "fail", ())
    assert found["whole run", "p95"] == (40.0, 60.0)
    assert found["steady", "users"] == (10, 15)
    assert found["steady", "p99"] == (40.0, 60.0)
    assert found["steady 2", "users"] == (10, 10)
    assert found["ramp", "breaking point"] == (25, 20)
    assert found["cut", "recovery"] == (2.0, 3.0)
    assert {of for of, _ in found} == {"whole run", "steady", "steady 2", "ramp", "cut"}
    assert json.loads(json.dumps(pair.as_json()))["figures"][2]["change"] == "+50.0%"


@pytest.mark.parametrize(
    ("was", "now", "unit", "values"),
    [
        (None, {"users": 20}, "count", (None, 20)),
        ({"users": None, "rate": 90.0}, None, "per_s", (90.0, None)),
    ],
)
def test_a_run_that_did_not_break_has_no_breaking_point(
    was: Any, now: Any, unit: str, values: tuple[Any, Any]
) -> None:
    """Of a ramp of a rate it is a rate."""
    pair = describe(
        Side(seen(summary(breaking_point=was)), {}, {}, {}),
        Side(seen(summary(breaking_point=now, steps=[])), {}, {}, {}),
    )

    assert (pair.figures[-1].unit, (pair.figures[-1].was, pair.figures[-1].now)) == (unit, values)


def test_what_is_not_alike_is_said() -> None:
    """Versions, server, workers, plan: a change may be theirs."""
    other = {"versions": {"locust": "2.48.0", "mcp": "2.3.0"}, "workers": 2}
    was = Side(seen(summary()), METADATA, {"steps": []}, {})
    now = Side(seen(summary(target={"protocol": "sse", "server": None})), other, {"steps": [1]}, {})

    assert describe(was, now).unlike == (
        "locust was 2.47.0, is 2.48.0",
        "mcp was absent, is 2.3.0",
        "the server was tiny 1.0 2025-11-25, is sse",
        "workers were 1, are 2",
        "the plan is another one (plan.json)",
    )
