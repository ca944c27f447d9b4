"""Kept down by retries: runs that were, and runs that look alike and were not."""

import numpy as np
import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.faults.metastable import measure
from harness.analysis.faults.planned import PlannedFault
from harness.analysis.levels.steps import Step
from tests.fakes.results import plain
from tests.fakes.runs import MS, S, rows

#         before | fault | settling | late
#      0 ...... 29 30 .. 40 41 .... 51 ... 61
STEP = Step(index=0, name="steady", kind="rate", users=None, rate=50, start_ns=0, end_ns=61 * S)
FAULT = PlannedFault(
    name="slow", kind="latency", link="client", on_ns=30 * S, off_ns=40 * S, healed_ns=41 * S, healed=True
)
# In each second: first attempts that are ok, and that fail; retries that are ok, and that fail; how failures ended.
WELL = (50, 0, 0, 0, "ok")
FLAKY = (45, 5, 5, 0, "http_status")
DOWN = (5, 45, 5, 90, "timeout")


def run(after, *, before=WELL, fault=DOWN, over_s=61):
    """A second after the other: `before`, then `fault`, then `after` (one for all seconds, or a function of them)."""
    parts = []
    for second in range(over_s):
        how = before if second < 29 else fault if second < 41 else after
        ok, failed, again_ok, again_failed, ended = how(second - 41) if callable(how) else how
        outcome = ["ok"] * ok + [ended] * failed + ["ok"] * again_ok + [ended] * again_failed
        classes = ["U"] * (ok + failed) + ["U+retry"] * (again_ok + again_failed)
        at_ns = second * S + np.arange(len(outcome)) * S // max(len(outcome), 1)
        parts += [zip(at_ns.tolist(), outcome, classes, strict=True)]
    at_ns, outcomes, classes = zip(*(row for part in parts for row in part), strict=True)
    intended = np.array(at_ns, dtype=np.int64)
    return Calls.of(
        rows(
            len(intended),
            intended_ns=intended,
            done_ns=intended + 10 * MS,
            outcome=list(outcomes),
            user_class=list(classes),
        )
    )


def found(after, *, fault=FAULT, others=(), step=STEP, **how):
    return measure(run(after, **how), [fault, *others], [step])


def test_a_service_that_stays_down_under_its_own_retries_is_said_to():
    """50 a second were wanted and answered; now 145 a second are tried, and ten answered."""
    (one,) = found(DOWN)

    assert plain(one) == {
        "fault": "slow",
        "goodput_rps_before": 50.0,
        "goodput_rps": 10.0,
        "offered_rps_before": 50.0,
        "offered_rps": 145.0,
        "retried_share": round(95 / 145, 3),
    }


NOT_SO = {
    "it recovers at once": WELL,
    "it recovers after a storm of retries": lambda s: DOWN if s < 8 else WELL,
    "it is on its way back when the run ends": lambda s: DOWN if s < 15 else WELL,
    "fewer are answered because fewer are wanted": (10, 0, 0, 0, "ok"),
    "users of a closed load wait for it, so that the load does not come back": (2, 8, 0, 16, "timeout"),
    "it fails, and nobody tries again": (5, 45, 0, 0, "timeout"),
    "a few try again": (5, 45, 0, 10, "timeout"),
    "it is not there at all": (0, 50, 0, 100, "connect"),
    "more is wanted than before": (10, 90, 10, 90, "timeout"),
    "it is a little slower": (40, 10, 2, 18, "http_status"),
    "nothing comes any more": (0, 0, 0, 0, "ok"),
}


@pytest.mark.parametrize("after", NOT_SO.values(), ids=NOT_SO)
def test_what_only_looks_like_it_is_not_called_so(after):
    """Each breaks one of the conditions."""
    assert found(after) == ()


def test_what_was_so_before_the_fault_is_not_its_doing():
    """A service that has always lived on retries."""
    assert found((30, 20, 5, 25, "http_status"), before=(30, 20, 5, 25, "http_status")) == ()


def test_a_service_that_retries_carry_is_up():
    """One in ten fails at first and succeeds later: goodput is what it was."""
    assert found(FLAKY) == ()


UNSEEN = {
    "the run ends too soon": {"step": Step(index=0, name="s", kind="rate", users=None, rate=50, start_ns=0, end_ns=49 * S)},
    "it was never healed": {"fault": PlannedFault(name="slow", kind="latency", link="client", on_ns=30 * S, off_ns=40 * S)},
    "it never happened": {"fault": PlannedFault(name="slow", kind="latency", link="client")},
    "there was too little before it": {
        "step": Step(index=0, name="s", kind="rate", users=None, rate=50, start_ns=27 * S, end_ns=61 * S)
    },
    "another fault comes": {
        "others": [PlannedFault(name="b", kind="down", link="client", on_ns=48 * S, off_ns=60 * S, healed_ns=60 * S)]
    },
}  # fmt: skip


@pytest.mark.parametrize("how", UNSEEN.values(), ids=UNSEEN)
def test_with_too_little_to_see_nothing_is_said(how):
    """Neither that it was, nor that it was not."""
    assert found(DOWN, **how) == ()
