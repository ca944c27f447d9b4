"""How much a plan writes: what is sure, and what is likely."""

from typing import Any

import pytest

from harness.scenario.plan.build import build
from harness.scenario.plan.describe import describe
from harness.scenario.plan.disk_estimate import FIXED_BYTES, ROW_BYTES, SECOND_BYTES, SPOOLED_BYTES, needed
from harness.scenario.plan.plan import Plan
from harness.scenario.read import scenario_of


def plan(*load: dict[str, Any]) -> Plan:
    return build(scenario_of({"name": "n", "load": list(load)}, "test"))


RATE = {"rate": {"rate": "500/s", "for": "60s"}}
BENCH = {"bench": {"requests": 2000, "users": 10}}
SESSIONS = {"sessions": {"rate": "5/s", "calls": 4, "for": "10s"}}
SUSTAIN = {"sustain": {"users": 20, "for": "10s"}}


@pytest.mark.parametrize(
    ("load", "seconds", "known", "guessed"),
    [
        ([RATE], 60, 30_000, 0),
        ([BENCH], 0, 2_000, 0),
        ([SESSIONS], 10, 200, 0),
        ([SUSTAIN], 10, 0, 20_000),  # a call every 10 ms each
        ([{"sustain": {"users": 5_000, "for": "10s"}}], 10, 0, 100_000),  # 10,000 a second together
        ([SUSTAIN, RATE], 70, 30_000, 20_000),
        ([{"ramp": {"to": 20, "step": 10, "hold": "5s"}}], 10, 0, 15_000),
        ([{"ramp": {"to": 10, "step": 10, "hold": "5s"}}, {"sustain": {"users": "last_good", "for": "10s"}}], 15, 0, 15_000),
    ],
)  # fmt: skip
def test_rows_times_bytes_a_row_and_the_fixed_parts(
    load: list[dict[str, Any]], seconds: int, known: int, guessed: int
) -> None:
    """Rates and counts are sure; users of a closed load are guessed."""
    found = needed(plan(*load))
    fixed = FIXED_BYTES + seconds * SECOND_BYTES

    assert (found.sure, found.likely) == (fixed + known * ROW_BYTES, fixed + (known + guessed) * ROW_BYTES)
    assert found.largest_file >= known * SPOOLED_BYTES


def test_the_plan_says_it() -> None:
    """What is sure, and from which assumption the rest comes."""
    assert "A run writes about 12.0 MB." in describe(plan(RATE))
    assert (
        "A run writes 8.1 MB, and 120 bytes for each call: about 10.5 MB if each user makes 100 calls a second."
        in describe(plan(SUSTAIN))
    )
