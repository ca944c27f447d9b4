"""The verdict: trust first, then objectives; a broken measurement is unknown, never a pass."""

import math
from dataclasses import replace

import pytest
from msgspec.structs import replace as replaced

from harness.analysis import verdict
from harness.analysis.faults import reasons, work
from harness.analysis.faults.exposure import Exposure
from harness.analysis.faults.impact import Impact
from harness.analysis.faults.matrix import Row
from harness.analysis.faults.phases import Figures
from harness.analysis.faults.planned import PlannedFault
from harness.analysis.faults.recovery import Recovery
from harness.analysis.objectives.observation import Observation
from harness.analysis.verdict import VerdictInputs, judge
from harness.run_directory.results import FaultResult, Retries, Summary
from harness.scenario.objectives import parse
from tests.fakes.events import event as happened
from tests.fakes.results import filled

ENDED = happened(9, "run_ended", {"reason": "completed"})


def summary(*, requests=100, ok=100, failed=0, breaking_point=None, **generator):
    health = {"cpu_max": 0.4, "run_delay_max": 0.01, "lag_ms_p99": 0.5, "clock_error_ms": 0.0}
    counted = {
        "saturated": False,
        "started": requests,
        "recorded": requests,
        "lost": 0,
        "lost_at_least": False,
        "not_held": 0,
    }
    return filled(
        Summary,
        totals={"requests": requests, "ok": ok, "failed": failed},
        breaking_point=breaking_point,
        generator=health | counted | generator,
    )


def judged(found=None, *, events=(ENDED,), seen=(), impacts=(), matrix=(), worked=None):
    observations = [Observation(parse(text), value, why) for text, value, why in seen]
    return judge(
        VerdictInputs(
            found or summary(), observations, list(events), list(impacts), matrix=list(matrix), work=worked
        )
    )


def test_a_sound_run_without_objectives_passes():
    """Nothing was asked of it, and it can be trusted."""
    assert judged() == verdict.Verdict("pass", (), 0, ())


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([{"kind": "sustain", "requests": 0}], "no call falls into the step: all of them were made while"),
        ([{"kind": "ramp", "requests": 0}] * 2, "no call falls into any of the 2 steps"),
        ([{"kind": "ramp", "requests": 0}, {"kind": "ramp", "requests": 1}], None),
        ([{"kind": "rate", "requests": 0, "not_sent": 4}], None),
    ],
)
def test_calls_outside_of_every_step_measure_nothing(steps, expected):
    """A server that starts slowly had answered all of them before its users were there."""
    found = filled(Summary, totals={"requests": 55, "ok": 55}, steps=steps, generator={"saturated": False})
    said = judged(found)

    assert said.verdict == ("unknown" if expected else "pass")
    assert [reason.startswith(expected or "?") for reason in said.reasons] == ([True] if expected else [])


def ended(reason):
    return happened(9, "run_ended", {"reason": reason})


LOST_WORKER = happened(
    5_000_000_000, "worker_lost", {"worker": "worker-1", "users": 4, "why": "it was ended by SIGKILL"}
)
UNWRITTEN = happened(1, "rows_unwritten", {"worker": "worker-0", "users": None, "why": "File too large"})
BROKE = {"users": 5, "last_good_users": 4}
MET = happened(0, "abort", {"rule": "success_rate < 50% for 10s", "since_s": 12.2, "observed": 0.1})
TRUST = [
    # summary, events, verdict, exit code, reason
    ({}, [], "unknown", 3, "the run was cut off: events.jsonl does not say how it ended"),
    ({}, [ended("interrupted")], "unknown", 130, "the run was interrupted"),
    ({}, [ended("error")], "unknown", 3, "the run was ended by an error"),
    ({}, [ended("aborted")], "unknown", 3, "the run ended early: aborted"),
    ({}, [ended("broke")], "pass", 0, None),
    ({"requests": 0, "ok": 0}, [ENDED], "unknown", 3, "no call was made"),
    ({"lost": 3, "started": 103}, [ENDED], "unknown", 3, "3 of 103 calls that were started have no row"),
    (
        {"lost": 3, "started": 103, "lost_at_least": True},
        [ENDED],
        "unknown",
        3,
        "at least 3 of 103 calls that were started have no row",
    ),
    (
        {"lost_at_least": True},
        [ENDED],
        "unknown",
        3,
        "more calls may have been started than the 100 that have a row: a worker left no count",
    ),
    (
        {},
        [LOST_WORKER, ENDED],
        "unknown",
        3,
        "worker-1 was lost, 5.0 s into the run, with 4 users: it was ended by SIGKILL",
    ),
    (
        {},
        [UNWRITTEN, ENDED],
        "unknown",
        3,
        "worker-0 could not write its rows, 0.0 s into the run: File too large",
    ),
    # What one bad second showed is information, however bad it was.
    ({"cpu_max": 1.0, "run_delay_max": 0.5, "lag_ms_p99": 50.0}, [ENDED], "pass", 0, None),
    ({"clock_error_ms": 6.0}, [ENDED], "unknown", 3, "the workers' clocks agree only to 6.0 ms (limit 5 ms)"),
    (
        {"not_held": 2},
        [ENDED],
        "unknown",
        3,
        "2 replies were dropped because a load worker holds 96 MB of replies at most: this is a limit of the harness, not a fault of the server (use fewer users, more workers or smaller replies)",
    ),
    ({"saturated": None}, [ENDED], "unknown", 3, "the load generator did not report its own health"),
    ({"ok": 0, "failed": 100}, [ENDED], "fail", 1, "none of 100 calls succeeded"),
    ({"ok": 0, "failed": 100, "breaking_point": BROKE}, [ended("broke")], "pass", 0, None),
    (
        {},
        [MET, ended("aborted")],
        "fail",
        1,
        "the run was stopped early: success_rate < 50% for 10s (since 12 s)",
    ),
    ({}, [ended("no_good_level")], "fail", 1, "there was no last good level to sustain"),
]


@pytest.mark.parametrize(("found", "events", "outcome", "exit_code", "reason"), TRUST)
def test_trust_is_checked_whatever_the_objectives_say(found, events, outcome, exit_code, reason):
    """Check by check, with the words that the user reads; an objective that holds changes nothing."""
    result = judged(summary(**found), events=events, seen=[("p95 < 1s", 10.0, "")])

    assert (result.verdict, result.exit_code) == (outcome, exit_code)
    assert len(result.reasons) == (1 if reason else 0)
    assert (reason or "") in " ".join(result.reasons)
    assert result.objectives == ("pass",)


def test_a_generator_that_was_the_bottleneck_is_unknown_with_every_reason():
    """In the words of `analysis.health.saturation`."""
    evidence = VerdictInputs(summary(), [], [ENDED], saturated=("it added 9 ms", "a worker did not run"))
    result = judge(evidence)

    assert (result.verdict, result.exit_code) == ("unknown", 3)
    assert result.reasons == (
        "the load generator was saturated: it added 9 ms",
        "the load generator was saturated: a worker did not run",
    )


OBJECTIVES = [
    # observed of p95 < 250ms, why, outcome, reason
    (249.0, "", "pass", None),
    (250.0, "", "fail", "p95 < 250ms does not hold: it was 250 ms"),
    (math.inf, "7 failed", "fail", "p95 < 250ms does not hold: it was infinite (7 failed)"),
    (None, "too few calls", "unknown", "p95 < 250ms: too few calls"),
]


@pytest.mark.parametrize(("value", "why", "outcome", "reason"), OBJECTIVES)
def test_an_objective_holds_fails_or_is_unknown(value, why, outcome, reason):
    """And the run with it."""
    result = judged(seen=[("p95 < 250ms", value, why)])

    assert (result.verdict, result.objectives) == (outcome, (outcome,))
    assert result.reasons == ((reason,) if reason else ())
    assert result.exit_code == {"pass": 0, "fail": 1, "unknown": 3}[outcome]


def test_a_service_that_retries_keep_down_has_failed():
    """With the figures that say so."""
    kept = {"fault": "slow", "goodput_rps_before": 50.0, "goodput_rps": 10.0}
    kept |= {"offered_rps_before": 50.0, "offered_rps": 145.0, "retried_share": 0.655}
    result = judged(replaced(summary(), retries=filled(Retries, kept_down=[kept])))

    assert (result.verdict, result.exit_code) == ("fail", 1)
    (reason,) = result.reasons
    assert reason.startswith(
        "retries kept the service down after slow was healed: of 145 attempts a second, 66%"
    )
    assert reason.endswith("of them retries, 10 succeeded; before the fault 50 of 50")


def test_unknown_wins_over_fail_and_both_are_told():
    """A failure that was measured badly is not known to be one; exit 3 stands before 1."""
    result = judged(summary(clock_error_ms=9.0), seen=[("p95 < 250ms", 300.0, ""), ("max < 1s", 400.0, "")])

    assert (result.verdict, result.exit_code, result.objectives) == ("unknown", 3, ("fail", "pass"))
    assert len(result.reasons) == 2


GONE = {"entry": "a", "done_ns": 1, "outcome": "ok"}


@pytest.mark.parametrize(
    ("events", "exit_code"), [([ENDED], 1), ([ended("error")], 1), ([ended("interrupted")], 130)]
)
def test_work_that_is_gone_fails_a_run_whatever_else_cannot_be_told(events, exit_code):
    """No measurement has to show it; an interruption still has its own exit code."""
    result = judged(summary(cpu_max=0.99), events=events, worked=work.measure([GONE, {"found": []}]))

    assert (result.verdict, result.exit_code) == ("fail", exit_code)
    assert "1 of 1 acknowledged entries are missing" in result.reasons


def test_a_server_that_died_has_failed_and_a_part_of_ours_that_died_makes_it_unknown():
    """Whatever the others say."""

    def lost(part):
        return happened(1_000_000_000, "part_lost", {"part": part, "how": "exit code 1", "last_words": ""})

    died = judged(summary(cpu_max=0.99), events=[lost("server"), ENDED])
    gone = judged(events=[lost("postgres"), ENDED], seen=[("p95 < 250ms", 300.0, "")])

    assert (died.verdict, died.exit_code) == ("fail", 1)
    assert (gone.verdict, gone.exit_code) == ("unknown", 3)
    assert died.reasons[0] == "the server ended by itself 1.0 s into the run: exit code 1"


def test_work_that_nobody_could_read_back_is_unknown():
    """It may be there."""
    result = judged(worked=work.measure([GONE, {"unread": "connect: refused"}]))

    assert (result.verdict, result.exit_code) == ("unknown", 3)


def test_an_interruption_wins_over_everything():
    """130 stands first in the order of exit codes."""
    result = judged(summary(requests=0, ok=0, cpu_max=0.99), events=[ended("interrupted")])

    assert (result.verdict, result.exit_code) == ("unknown", 130)
    assert result.reasons[0] == "the run was interrupted"


def test_a_check_that_crashes_is_unknown():
    """A summary without the numbers that a check needs is not a pass."""
    result = judged(summary(lost="three"))

    assert (result.verdict, result.exit_code) == ("unknown", 3)
    assert result.reasons == (
        "the check lost could not be made: ValueError(\"Cannot specify ',' with 's'.\")",
    )


NOTHING = Figures(calls=0, success_rate=None, p50_ms=None, p95_ms=None)
RECOVERED = Recovery(outcome="recovered", recover_s=2.0, observed_s=30.0)
NOT_RECOVERED = Recovery(outcome="not_recovered", observed_s=29.6)
UNSEEN = Recovery(outcome="unknown", why="the load ended with it")


def fault(*, calls=100, recovery=RECOVERED, kind="latency", on=True, **what):
    """A fault that went well, but for what is given."""
    well = {"verified": True, "unverified_why": "", "healed": True, "on_ns": 1, "off_ns": 2, "healed_ns": 3}
    well |= {} if on else {"on_ns": None, "off_ns": None, "healed_ns": None, "healed": None}
    return Impact(
        fault=PlannedFault(name="slow", kind=kind, link="database", **(well | what)),
        exposure=Exposure(calls, 1),
        before=NOTHING,
        during=NOTHING,
        after=NOTHING,
        recovery=recovery,
        fate=None,
        result=filled(FaultResult),
    )


LEFT = {"healed": False, "unhealed_why": "no answer; run harness doctor --clean"}
LEFT_WORDS = (
    "the fault slow (latency on the database link) was left over: no answer; run harness doctor --clean"
)
FAULTS = [
    # the fault, verdict, exit code, reasons
    (fault(), "pass", 0, []),
    (fault(kind="noop", recovery=replace(RECOVERED, recover_s=0.0)), "pass", 0, []),
    (
        fault(verified=False, unverified_why="200 ms are missing"),
        "unknown",
        3,
        ["the fault slow could not be verified: 200 ms are missing"],
    ),
    (fault(calls=0), "unknown", 3, ["the fault slow touched no call, so it shows nothing"]),
    (fault(on=False, skipped_why="no link"), "unknown", 3, ["the fault slow did not happen: no link"]),
    (fault(**LEFT), "unknown", 6, [LEFT_WORDS]),
    (fault(**LEFT, recovery=NOT_RECOVERED), "unknown", 6, [LEFT_WORDS]),
    (
        fault(**(LEFT | {"on": False, "skipped_why": "refused"})),
        "unknown",
        6,
        [LEFT_WORDS, "the fault slow did not happen: refused"],
    ),
    (fault(recovery=NOT_RECOVERED), "fail", 1, ["the fault slow: not recovered 30 s after healing"]),
    (
        fault(recovery=NOT_RECOVERED, kind="noop"),
        "unknown",
        3,
        [
            "the fault slow is a placebo and does nothing, yet the service had not recovered 30 s after healing: the load itself is too unsteady to judge faults"
        ],
    ),
    (
        fault(kind="noop"),
        "unknown",
        3,
        [
            "the fault slow is a placebo and does nothing, yet the service took 2 s to recover from: the load itself is too unsteady to judge faults"
        ],
    ),
    (
        fault(recovery=UNSEEN),
        "unknown",
        3,
        ["whether the service recovered from slow is unknown: the load ended with it"],
    ),
]


@pytest.mark.parametrize(("impact", "outcome", "exit_code", "reasons"), FAULTS)
def test_a_fault_is_trusted_only_when_it_happened_and_was_seen(impact, outcome, exit_code, reasons):
    """Applied, verified, touched, healed, recovered from; each failing has its own words."""
    result = judged(impacts=[impact], seen=[("p95 < 1s", 10.0, "")])

    assert (result.verdict, result.exit_code, list(result.reasons)) == (outcome, exit_code, reasons)


def row(outcome, why="", **what):
    return Row(name="slow-database", outcome=outcome, why=why, impacts=(fault(**what),))


MATRIX = [
    # the rows, verdict, exit code, reasons
    ([row("survived"), row("degraded", "12 calls failed"), row("not_exposed", calls=0)], "pass", 0, []),
    ([row("broke", "not back")], "fail", 1, ["the fault slow-database broke the service: not back"]),
    ([row("survived", kind="noop")], "pass", 0, []),
    (
        [row("degraded", "recovered after 2.0 s", kind="noop")],
        "unknown",
        3,
        [
            'the fault slow-database is a placebo and does nothing, yet the result was "degraded": '
            + reasons.UNSTEADY
        ],
    ),
    (
        [row("unknown", "only 2 s came after it"), row("broke", "not back")],
        "unknown",
        3,
        [
            "the fault slow-database broke the service: not back",
            "how the service handles slow-database is unknown: only 2 s came after it",
        ],
    ),
    (
        [row("unknown", "no answer")] * 5,
        "unknown",
        3,
        [
            "how the service handles slow-database, slow-database, slow-database and 2 others is unknown: no answer"
        ],
    ),
    ([row("not_exposed", calls=0)], "unknown", 3, ["no fault touched a call, so the matrix shows nothing"]),
    (
        [row("unknown", "it was left over: no answer", **LEFT)],
        "unknown",
        6,
        [LEFT_WORDS, "how the service handles slow-database is unknown: it was left over: no answer"],
    ),
]


@pytest.mark.parametrize(("rows", "outcome", "exit_code", "reasons"), MATRIX)
def test_a_matrix_fails_by_what_broke_and_is_unknown_by_what_cannot_be_told(
    rows, outcome, exit_code, reasons
):
    """A fault that touched no call is a word in the table, and no reason; its impacts are not judged again."""
    result = judged(impacts=[one for row in rows for one in row.impacts], matrix=rows)

    assert (result.verdict, result.exit_code, list(result.reasons)) == (outcome, exit_code, reasons)


def test_what_was_not_healed_and_is_gone_all_the_same_is_unknown_and_not_left_over():
    """A Toxiproxy of ours that hung ends with the run, and everything on it."""
    result = judged(impacts=[fault(**LEFT, left=False)])

    assert (result.verdict, result.exit_code) == ("unknown", 3)
    assert "was not healed before the run ended: no answer" in result.reasons[0]


def test_what_was_left_over_comes_first_and_only_an_interruption_above_it():
    """The order of exit codes: 130, 6, ..., 3, 1."""
    result = judged(impacts=[fault(recovery=NOT_RECOVERED), fault(**LEFT)])
    assert (result.verdict, result.exit_code, result.reasons[0]) == ("unknown", 6, LEFT_WORDS)

    stopped = judged(events=[ended("interrupted")], impacts=[fault(**LEFT)])
    assert (stopped.verdict, stopped.exit_code) == ("unknown", 130)
