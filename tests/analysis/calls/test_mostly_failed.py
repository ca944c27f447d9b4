"""A run in which nearly nothing succeeded is a failure, unless something explains it."""

import pytest

from harness.analysis.calls.mostly_failed import findings
from harness.run_directory.results import Summary
from tests.fakes.results import filled

TOOL_ERROR = {"outcome": "tool_error", "detail": "Database error", "count": 90}


def step(ok, failed, users=10, kind="sustain", index=0):
    return {"ok": ok, "failed": failed, "users": users, "rate": None, "kind": kind, "index": index}


def summary(*steps, breaking_point=None, matrix=None):
    return filled(
        Summary,
        totals={"ok": sum(one["ok"] for one in steps), "failed": sum(one["failed"] for one in steps)},
        steps=steps,
        failures=[TOOL_ERROR],
        breaking_point=breaking_point,
        matrix=matrix,
    )


BROKE_AT_20 = {"users": 20, "last_good_users": 10, "reason": "", "confirmed": True}
BROKE_AT_FIRST = {"users": 10, "last_good_users": None, "reason": "", "confirmed": True}
GOOD, BAD = step(100, 0, 10, "ramp"), step(0, 900, 20, "ramp", 1)

CASES = {
    "all is well": (summary(step(100, 0)), (), None),
    "half and half": (summary(step(50, 50)), (), None),
    "nothing succeeded": (summary(step(0, 100)), (), "none of 100 calls succeeded"),
    "nothing succeeded, and somebody asked for it": (
        summary(step(0, 100)),
        ("success_rate",),
        "none of 100 calls succeeded",
    ),
    "0.43 % succeeded": (summary(step(51, 11_797)), (), "most calls failed: 0.43% of 11,848 succeeded"),
    "fast enough, and mostly failing": (
        summary(step(10, 90)),
        ("throughput",),
        "most calls failed: 10% of 100 succeeded",
    ),
    "an objective decides on success": (summary(step(10, 90)), ("success_rate",), None),
    "one dead step of two": (
        summary(step(1000, 0), step(0, 50, index=1)),
        (),
        "no call succeeded in step 2 of 2: all 50 failed",
    ),
    "a ramp that broke above a good level": (summary(GOOD, BAD, breaking_point=BROKE_AT_20), (), None),
    "a ramp that broke at its first level": (
        summary(step(10, 90, 10, "ramp"), breaking_point=BROKE_AT_FIRST),
        (),
        "most calls failed: 10% of 100 succeeded",
    ),
    "a ramp that broke at its first level, where most calls were answered": (
        summary(step(60, 40, 10, "ramp"), breaking_point=BROKE_AT_FIRST),
        (),
        "the ramp broke at its first level (10 users), so no level was good",
    ),
    "a dead level that is not where it broke": (
        summary(GOOD, step(0, 9, 15, "ramp", 1), BAD, breaking_point=BROKE_AT_20),
        (),
        "no call succeeded in step 2 of 2: all 9 failed",
    ),
    "a matrix judges its rows": (summary(step(1, 99), step(0, 5), matrix={"rows": []}), (), None),
}


@pytest.mark.parametrize("name", CASES)
def test_calls_that_did_not_work_fail_the_run(name):
    found, metrics, reason = CASES[name]
    told = [finding.reason for finding in findings(found, metrics)]

    if reason is None:
        assert told == []
    else:
        assert told == [f"{reason}; the most common failure is tool_error: Database error"]
        assert findings(found, metrics)[0].outcome == "fail"


def test_calls_that_neither_succeeded_nor_failed_show_nothing() -> None:
    """A server that asks for input for ever has answered nothing."""
    found = filled(Summary, totals={"ok": 0, "failed": 0, "neither": 2_107}, steps=[step(0, 0)])
    (finding,) = findings(found, ("success_rate",))
    assert (finding.outcome, "none succeeded" in finding.reason) == ("unknown", True)
    assert (
        findings(filled(Summary, totals={"ok": 1, "failed": 0, "neither": 9}, steps=[step(1, 0)]), ()) == []
    )
    assert (
        findings(filled(Summary, totals={"ok": 0, "failed": 0, "neither": 0}, steps=[step(0, 0)]), ()) == []
    )
