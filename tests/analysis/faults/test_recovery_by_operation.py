"""Recovery of a part of the calls: one tool of two, one shard of three; how long, what is said, and what is not judged."""

import numpy as np
import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.faults.planned import PlannedFault
from harness.analysis.faults.recovery import measure
from harness.analysis.levels.steps import Step
from harness.analysis.statistics import chance
from tests.fakes.runs import MS, S, rows

HEALED_S, END_S = 40, 60
STEP = Step(index=0, name="steady", kind="sustain", users=5, rate=None, start_ns=0, end_ns=END_S * S)
FAULT = PlannedFault(
    name="cut", kind="down", link="client", on_ns=35 * S, off_ns=39 * S, healed_ns=HEALED_S * S, healed=True
)
A, B = "tools/call:a", "tools/call:b"
FOREVER = float("inf")


def found(
    *,
    hit,
    until_s=FOREVER,
    rate=100.0,
    share_b=0.25,
    slow_ms=195.0,
    failing=0.0,
    usual=(5.0, 5.0),
    seed=3,
    more=None,
):
    """5 ms for everybody; from healing on 195 ms more for those who are hit, until so many seconds after it."""
    rng = np.random.default_rng(seed)
    at_s = np.arange(int(rate * END_S)) / rate
    operation = np.where(rng.random(len(at_s)) < share_b, B, A)
    meant = {"all": True, "b": operation == B, "shard": rng.random(len(at_s)) < 0.3}[hit]
    wrong = meant & (at_s >= HEALED_S) & (at_s < HEALED_S + until_s)
    ms = np.where(operation == B, usual[1], usual[0]) * rng.lognormal(0, 0.2, len(at_s)) + slow_ms * wrong
    at_ns = (at_s * S).astype(np.int64)
    outcome = np.where(wrong & (rng.random(len(at_s)) < failing), "tool_error", "ok")
    columns = {"intended_ns": at_ns, "operation": operation, "outcome": outcome}
    frame = rows(len(at_s), done_ns=at_ns + (ms * MS).astype(np.int64), **columns)
    calls = Calls.of(frame if more is None else more(frame))
    return measure(calls, FAULT, [STEP], [FAULT])


@pytest.mark.parametrize("hit", ["all", "b", "shard"])
@pytest.mark.parametrize(("until_s", "recover_s"), [(0, 0.0), (4, 4.0), (FOREVER, None)])
def test_a_part_of_the_calls_is_seen_as_the_whole_is(hit, until_s, recover_s):
    """The median of all calls knows of none of the last two: a quarter of them, and three in ten of each kind."""
    seen = found(hit=hit, until_s=until_s)

    assert seen.recover_s == recover_s
    assert seen.outcome == ("recovered" if recover_s is not None else "not_recovered")


def test_the_reason_names_the_operation_and_what_is_wrong():
    """With how it was before."""
    assert found(hit="b").not_back() == "20 s after healing: tools/call:b is still at 200 ms, 4.98 ms before"
    assert found(hit="all").still == "the median call is still at 200 ms, 5.01 ms before"
    assert found(hit="b", slow_ms=0, failing=0.4).still.startswith(
        "46% of the calls of tools/call:b still fail, 0% before"
    )
    assert found(hit="shard").still.endswith("of all calls are still slower than usual, under 1% before")


def test_operations_that_came_back_later_are_named():
    """A quarter of the calls, four seconds later than the rest."""
    seen = found(hit="b", until_s=4)

    assert (seen.slowest, [(one.name, one.recover_s) for one in seen.operations]) == (B, [(A, 0.0), (B, 4.0)])


def test_a_shard_is_seen_however_different_the_operations_are():
    """What is slow for one tool is fast for the other: no quantile of all calls shows it."""
    seen = found(hit="shard", usual=(5.0, 400.0))

    assert seen.outcome == "not_recovered"


def test_an_operation_with_few_calls_is_not_judged_by_itself_and_named():
    """Ten calls in thirty seconds, and a service that is well."""
    seen = found(hit="b", until_s=0, share_b=0.005)

    assert (seen.outcome, seen.recover_s, seen.operations[0].name) == ("recovered", 0.0, A)
    assert seen.unjudged == (B,)


def test_an_operation_that_failed_before_has_nothing_to_come_back_to():
    """It is named, and the rest is judged."""

    def failing(frame):
        wrong = frame["operation"] == B
        return frame.assign(outcome=frame["outcome"].astype(str).mask(wrong, "tool_error"))

    seen = found(hit="shard", until_s=0, more=failing)

    assert (seen.outcome, seen.recover_s, seen.unjudged) == ("recovered", 0.0, (B,))


def test_operations_of_the_protocol_are_no_part_of_the_load():
    """Slow handshakes are seen, and named for what they are; what only ends a session is nobody's wait."""

    def handshakes(name):
        def renamed(frame):
            return frame.assign(operation=frame["operation"].astype(str).replace(B, name).astype("category"))

        return renamed

    seen = found(hit="b", more=handshakes("initialize"))

    assert seen.still == "initialize is still at 200 ms, 4.98 ms before"
    assert found(hit="b", more=handshakes("session/delete")).recover_s == 0.0


def test_a_recovery_that_was_wrong_for_one_operation_only_is_no_more_often_found_by_chance():
    """With many operations each is given less of what chance may have."""
    assert chance.failures_most(100, 1, 3000, chance.RARE / 40) > chance.failures_most(100, 1, 3000)
    assert chance.median_level(10, chance.RARE / 40) > chance.median_level(10)


def test_few_calls_can_show_that_an_operation_is_out_and_never_that_it_is_not():
    """Twelve calls of 5 ms before, eight of 200 ms after; and as many of 5 ms."""
    seen = found(hit="b", share_b=0.004)
    well = found(hit="b", share_b=0.004, until_s=0)

    assert seen.still.startswith("tools/call:b is still at 2")
    assert (well.outcome, well.unjudged) == ("recovered", (B,))


def test_an_operation_that_was_out_and_is_hardly_called_after_that_is_unknown():
    """It may be back: two good seconds are all there is."""

    def rarely(frame):
        late = (frame["operation"] == B) & (frame["intended_ns"] >= 44 * S)
        kept = (frame["intended_ns"] // S).isin([50, 56])
        return frame[~late | kept].reset_index(drop=True)

    seen = found(hit="b", until_s=4, rate=4, more=rarely)

    assert (seen.outcome, seen.recover_s, seen.slowest) == ("unknown", None, B)
    assert (
        seen.why
        == f"{B} was out of its usual range at first; after that only 2 s had calls of it, and 3 are needed"
    )


def test_an_operation_that_nobody_calls_any_more_is_unknown():
    """Its users may all wait, or have gone: the rest is well, and nothing is proved."""

    def gone(frame):
        return frame[(frame["operation"] != B) | (frame["intended_ns"] < 41 * S)].reset_index(drop=True)

    seen = found(hit="b", until_s=0, more=gone)

    assert (seen.outcome, seen.why) == ("unknown", f"{B} was not called in the last 19 s")
