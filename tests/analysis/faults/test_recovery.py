"""Recovery: known answers second by second, and every way in which nobody can say."""

from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.faults.planned import PlannedFault
from harness.analysis.faults.recovery import before, measure
from harness.analysis.levels.steps import Step
from tests.fakes.runs import MS, S, rows

STEP = Step(index=0, name="steady", kind="sustain", users=5, rate=None, start_ns=0, end_ns=60 * S)
FAULT = PlannedFault(
    name="slow", kind="latency", link="client", on_ns=31 * S, off_ns=39 * S, healed_ns=40 * S, healed=True
)
OK, SLOW, FAILS, NOTHING = (20, 0.0), (200, 0.0), (20, 1.0), None


def load(*after, rate=100, normal=OK, over_s=60):
    """`rate` calls a second: like `normal`, in the fault 220 ms, after it as given, a second each, then normal."""
    seconds = {40 + place: how for place, how in enumerate(after)}
    ms, failing, kept = [], [], []
    for second in range(over_s):
        how = (220, 0.0) if 31 <= second < 39 else seconds.get(second, normal)
        took, share = how or (0, 0.0)
        ms += [took] * rate
        failing += [place < share * rate for place in range(rate)]
        kept += [how is not None] * rate
    keep = np.array(kept)
    at_ns = (np.arange(over_s * rate) * S // rate)[keep]
    done_ns = at_ns + np.array(ms)[keep] * MS
    outcome = np.where(np.array(failing)[keep], "reset", "ok")
    return Calls.of(rows(len(at_ns), intended_ns=at_ns, done_ns=done_ns, outcome=outcome))


def recovered(*after, fault=FAULT, others=(), step=STEP, **how):
    return measure(load(*after, **how), fault, [step], [fault, *others])


SECONDS = [
    # the seconds after healing (normal behind them), recovered after
    ((), 0.0),
    ((OK, OK, OK, SLOW), 0.0),  # three are enough
    ((SLOW,), 1.0),
    ((SLOW, SLOW), 2.0),  # the picture in the docstring
    ((FAILS, FAILS, FAILS), 3.0),
    ((OK, OK, SLOW), 3.0),  # two are not
    ((SLOW, OK, SLOW, OK, OK, SLOW), 6.0),
    ((NOTHING, NOTHING), 2.0),  # at a hundred a second, silence is out
    ((OK, NOTHING, OK), 2.0),
    (((24, 0.0),), 0.0),  # within a quarter
    (((26, 0.0),), 1.0),
    (((5, 0.0),), 0.0),  # faster
    (((20, 0.01),), 0.0),  # one of a hundred, after 3000 good ones
    (((20, 0.02),), 1.0),
]


@pytest.mark.parametrize(("after", "seconds"), SECONDS)
def test_the_service_has_recovered_with_the_first_of_three_good_seconds(after, seconds):
    """Counted from healing."""
    found = recovered(*after)

    assert (found.outcome, found.recover_s, found.why) == ("recovered", seconds, "")
    assert found.observed_s == 20.0


@pytest.mark.parametrize(("after_ms", "seconds"), [(3, 0.0), (4, 1.0)])
def test_two_milliseconds_are_what_a_shared_machine_adds(after_ms, seconds):
    """To a service of one millisecond that is more than a quarter, and no effect of a fault."""
    assert recovered((after_ms, 0.0), normal=(1, 0.0)).recover_s == seconds


@pytest.mark.parametrize("bad", [SLOW, FAILS, NOTHING])
def test_what_is_out_to_the_end_has_not_recovered(bad):
    """A failure, not a blank; two good seconds at the very end are not three."""
    found = recovered(*[bad] * 20)

    assert (found.outcome, found.recover_s, found.observed_s, found.why) == ("not_recovered", None, 20.0, "")
    assert found.not_back().startswith("20 s after healing: ")
    assert recovered(*[bad] * 18).outcome == "not_recovered"
    assert recovered(*[bad] * 17).recover_s == 17.0


def test_sparse_calls_may_pause():
    """Three calls a second: a second or two without one is chance, four are not."""
    assert recovered(NOTHING, rate=3).recover_s == 0.0
    assert recovered(OK, NOTHING, NOTHING, OK, rate=3).recover_s == 0.0
    assert recovered(OK, NOTHING, NOTHING, NOTHING, NOTHING, rate=3).recover_s == 5.0


def test_one_call_a_second_is_judged_three_at_a_time():
    """Each by itself could be chance; three failures in a row are not."""
    assert recovered(*[FAILS] * 20, rate=1).outcome == "not_recovered"


def test_a_bad_second_before_is_normal_after():
    """The band holds what was seen: a slow second, and one with failures."""
    calls = load((60, 0.0), (20, 0.3))
    odd = (calls.intended_ns >= 12 * S) & (calls.intended_ns < 13 * S)
    slow = replace(calls, done_ns=np.where(odd, calls.intended_ns + 60 * MS, calls.done_ns))
    both = replace(slow, kind=np.where(odd & (np.arange(len(calls)) % 10 < 3), 1, calls.kind))

    assert [measure(one, FAULT, [STEP], [FAULT]).recover_s for one in (calls, slow, both)] == [2.0, 2.0, 0.0]


OTHER = PlannedFault(name="other", kind="down", link="client", on_ns=0, off_ns=0, healed_ns=0, healed=True)


def other(on_s, off_s):
    return replace(OTHER, on_ns=on_s * S, off_ns=off_s * S, healed_ns=off_s * S)


UNKNOWN = [
    # what is different, why
    ({"fault": replace(FAULT, on_ns=None, off_ns=None)}, "it was never applied"),
    ({"fault": replace(FAULT, healed_ns=None)}, "events.jsonl does not say when it was healed"),
    ({"step": replace(STEP, start_ns=35 * S)}, "it was applied outside the measured part of the load steps"),
    ({"step": replace(STEP, start_ns=26 * S)}, "only 4 s of measured load came before it"),
    ({"rate": 1, "step": replace(STEP, start_ns=15 * S)}, "only 15 calls succeeded before it"),
    (
        {"normal": FAILS},
        "2,998 of 2,998 calls failed before it, most of them by reset: there was no normal state to compare with",
    ),
    ({"normal": (20, 0.6)}, "1,800 of 2,998 calls failed before it"),
    ({"step": replace(STEP, end_ns=42 * S)}, "only 2 s with calls came between healing and the end"),
    ({"step": replace(STEP, end_ns=36 * S)}, "only 0 s with calls"),
    ({"others": [other(43, 50)]}, "only 2 s with calls"),
    ({"others": [other(35, 45)]}, "other was on when it was healed"),
    ({"others": [other(0, 27)]}, "only 3 s of measured load came before it"),
]


@pytest.mark.parametrize(("how", "why"), UNKNOWN)
def test_a_recovery_that_nobody_could_see_is_unknown(how, why):
    """Never invented, and it says why."""
    found = recovered(**how)

    assert (found.outcome, found.recover_s) == ("unknown", None)
    assert why in found.why


def test_the_band_is_of_the_thirty_seconds_before_without_the_time_of_others():
    """A second is left between the band and the fault, in which it was being applied."""
    assert before(FAULT, [STEP], [FAULT])[0] == (29 * S, 30 * S)
    assert len(before(FAULT, [STEP], [FAULT])) == 30
    assert len(before(FAULT, [STEP], [FAULT, other(10, 15)])) == 30 - 6
    assert len(before(FAULT, [replace(STEP, start_ns=20 * S)], [FAULT])) == 10
    assert before(replace(FAULT, on_ns=None), [STEP], [FAULT]) == []


def test_bad_seconds_of_another_fault_are_not_normal():
    """They would make everything normal."""
    calls = load(SLOW)
    odd = (calls.intended_ns >= 12 * S) & (calls.intended_ns < 14 * S)
    calls = replace(calls, done_ns=np.where(odd, calls.intended_ns + 500 * MS, calls.done_ns))

    assert measure(calls, FAULT, [STEP], [FAULT]).recover_s == 0.0
    assert measure(calls, FAULT, [STEP], [FAULT, other(12, 15)]).recover_s == 1.0
