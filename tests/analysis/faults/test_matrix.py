"""The resilience matrix on faults with known answers: one word each, by the definitions of the module."""

from dataclasses import replace
from typing import Any

import pytest

from harness.analysis.faults.exposure import Exposure
from harness.analysis.faults.impact import Impact
from harness.analysis.faults.matrix import MatrixInputs, measure
from harness.analysis.faults.phases import Figures
from harness.analysis.faults.planned import PlannedFault
from harness.analysis.faults.recovery import Recovery
from harness.analysis.faults.work import WorkOutcome
from harness.analysis.health.saturation import Excess
from harness.analysis.levels.steps import Step
from harness.run_directory.results import FaultResult
from tests.fakes.results import filled, plain

S = 1_000_000_000
GOOD = Figures(calls=1000, success_rate=1.0, p50_ms=20.0, p95_ms=30.0, failed=0, decided=1000)
HURT = replace(GOOD, success_rate=0.5, failed=500)
BACK = Recovery(outcome="recovered", recover_s=0.0, observed_s=20.0)


def impact(name: str = "kill-target", **how: Any) -> Impact:
    """Thirty seconds in, for ten, healed one later, and nobody noticed; but for what is given."""
    of_fault = {
        "kind": name.split("-", maxsplit=1)[0],
        "link": name.rsplit("-", 1)[-1],
        "on_ns": 30 * S,
        "off_ns": 40 * S,
        "healed_ns": 41 * S,
        "verified": True,
        "unverified_why": "",
        "healed": True,
    }
    told = {key: how.pop(key, value) for key, value in of_fault.items()} | {
        key: how.pop(key) for key in ("skipped_why", "unhealed_why") if key in how
    }
    lost = how.pop("sessions_lost", 0)
    given: dict[str, Any] = {
        "exposure": Exposure(100, 5),
        "before": GOOD,
        "during": GOOD,
        "after": GOOD,
        "recovery": BACK,
        "fate": None,
    }
    return Impact(
        fault=PlannedFault(name=name, **told), result=filled(FaultResult, sessions_lost=lost), **(given | how)
    )


def plan(*impacts: Impact, **anchors: str) -> dict[str, Any]:
    faults = [
        {"name": one.fault.name, "step": anchors.get(one.fault.name, one.fault.name)} for one in impacts
    ]
    return {"matrix": True, "faults": faults}


def work(acknowledged_s: list[float], missing_s: list[float], duplicated_s: list[float] = []) -> WorkOutcome:  # noqa: B006
    def ns(times_s: list[float]) -> tuple[int, ...]:
        return tuple(int(at_s * S) for at_s in times_s)

    return WorkOutcome(
        acknowledged=len(acknowledged_s),
        missing=len(missing_s),
        duplicated=len(duplicated_s),
        indeterminate=0,
        kept=0,
        acknowledged_ns=ns(acknowledged_s),
        missing_ns=ns(missing_s),
        duplicated_ns=ns(duplicated_s),
    )


def taken(*impacts: Impact, found: WorkOutcome | None = None, saturated: tuple[Excess, ...] = ()) -> Any:
    step = Step(index=0, name="row", kind="sustain", users=20, rate=None, start_ns=0, end_ns=60 * S)
    return measure(MatrixInputs(plan(*impacts), impacts, [step], [], found, saturated))


NOT_BACK = Recovery(outcome="not_recovered", observed_s=19.0)
UNSEEN = Recovery(outcome="unknown", why="only 2 s came after it")
ROWS = [
    # what is different, the word, why
    ({}, "survived", ""),
    ({"during": replace(GOOD, p95_ms=900.0)}, "survived", ""),  # slower is not failing
    ({"during": replace(GOOD, failed=2, success_rate=0.998)}, "survived", ""),  # chance
    ({"during": replace(GOOD, failed=5, decided=144)}, "degraded", "5 of 144 calls failed"),
    ({"during": replace(GOOD, failed=1, decided=30)}, "survived", ""),
    ({"during": HURT}, "degraded", "500 of 1,000 calls failed"),
    (
        {"before": HURT, "during": HURT},
        "unknown",
        "calls failed even before it: only 50% succeeded",
    ),
    ({"sessions_lost": 1}, "degraded", "1 session lost"),
    ({"during": HURT, "sessions_lost": 12}, "degraded", "500 of 1,000 calls failed; 12 sessions lost"),
    ({"recovery": replace(BACK, recover_s=4.0)}, "degraded", "recovered after 4.0 s"),
    ({"recovery": NOT_BACK}, "broke", "not recovered 19 s after healing"),
    (
        {"recovery": replace(NOT_BACK, observed_s=6.0)},
        "unknown",
        "not recovered in the 6 s observed; to say that it broke, 8 s are needed",
    ),
    ({"recovery": UNSEEN}, "unknown", "only 2 s came after it"),
    ({"exposure": Exposure(0, 0)}, "not_exposed", "it touched no call"),
    ({"verified": False, "unverified_why": "no effect"}, "unknown", "it could not be verified: no effect"),
    ({"healed": False, "unhealed_why": "hung"}, "unknown", "it was left over: hung"),
    ({"on_ns": None, "off_ns": None, "skipped_why": "the run ended"}, "unknown", "the run ended"),
]


@pytest.mark.parametrize(("how", "outcome", "why"), ROWS)
def test_a_fault_has_the_word_that_its_definition_says(how: dict[str, Any], outcome: str, why: str) -> None:
    """The first that holds."""
    (row,) = taken(impact(**how))

    assert (row.name, row.outcome, row.why) == ("kill-target", outcome, why)


def test_a_run_that_is_no_matrix_has_no_rows() -> None:
    """Whatever faults it had."""
    assert measure(MatrixInputs({}, [impact()], [], [])) == ()


def test_a_generator_that_was_the_bottleneck_makes_its_row_unknown_and_no_other() -> None:
    """Each row is trusted by itself."""
    beyond = Excess(0, "it added 9 ms to a p95 of 30 ms")

    (row,) = taken(impact(), saturated=(beyond,))
    assert (row.outcome, row.why) == (
        "unknown",
        "the load generator was the bottleneck (it added 9 ms to a p95 of 30 ms)",
    )
    (row,) = taken(impact(), saturated=(replace(beyond, step=1), replace(beyond, step=None)))
    assert row.outcome == "survived"


EVERY_S = [float(at_s) for at_s in range(100)]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (work(EVERY_S, []), [("survived", 0), ("survived", 0)]),
        # promised a second too early: the fault that comes next has lost it
        (work(EVERY_S, [29.0]), [("broke", 1), ("survived", 0)]),
        (work(EVERY_S, [33.0, 42.0, 79.0]), [("broke", 2), ("broke", 1)]),
        # everything that was old: the crash took it all, also what is nearer to another fault
        (work(EVERY_S, EVERY_S[:80]), [("survived", 0), ("broke", 80)]),
        (
            replace(work(EVERY_S, []), missing=None, duplicated=None, unread="reset"),
            [("unknown", None), ("unknown", None)],
        ),
        (None, [("survived", None), ("survived", None)]),
    ],
)
def test_lost_work_counts_for_the_fault_that_lost_it(found: Any, expected: list[Any]) -> None:
    """The nearest, or the crash that took everything; where it could not be read back nobody can say."""
    later = impact("kill-postgres", on_ns=80 * S, off_ns=85 * S, healed_ns=86 * S)

    rows = taken(impact(), later, found=found)

    assert [(row.outcome, row.work.missing if row.work else None) for row in rows] == expected


def test_work_done_twice_breaks_a_row_and_is_told_beside_what_is_missing() -> None:
    """In one sentence; and in the summary."""
    (row,) = taken(impact(recovery=UNSEEN), found=work(EVERY_S, [31.0], [32.0, 33.0]))

    assert (row.outcome, row.why) == (
        "broke",
        "1 acknowledged entry is missing, 2 entries are stored more than once",
    )
    assert plain(row.result().work) == {"missing": 1, "duplicated": 2}


def test_two_faults_at_once_are_one_row_told_of_the_one_that_was_healed_last() -> None:
    """Sessions that either of them lost are counted."""
    slow = impact("slow", off_ns=33 * S, healed_ns=33 * S, recovery=UNSEEN, sessions_lost=2)
    kill = impact("kill", on_ns=32 * S, during=HURT, sessions_lost=1)
    evidence = MatrixInputs(plan(slow, kill, slow="both", kill="both"), [slow, kill], [], [])

    (row,) = measure(evidence)

    assert (row.name, row.outcome, row.sessions_lost) == ("both", "degraded", 3)
    assert row.result().faults == ("slow", "kill")
    unsure = replace(slow, fault=replace(slow.fault, verified=False, unverified_why="no effect"))
    (row,) = measure(replace(evidence, impacts=[unsure, kill]))
    assert row.outcome == "unknown"
