"""Faults as planned and as told: windows, disturbed time, and what nobody wrote down."""

import pytest

from harness.analysis.faults.planned import CanaryTimes, disturbed, timeline
from tests.fakes.events import event as happened
from tests.fakes.runs import S

PLAN = {
    "faults": [
        {"name": "slow", "kind": "latency", "link": "database", "parameters": {"latency": 0.2}},
        {"name": "cut", "kind": "down", "link": "client", "parameters": {}},
    ]
}


def event(at_s, what, **data):
    return happened(int(at_s * S), what, data)


ON = event(10, "fault_on", name="slow", kind="latency", link="database", parameters={"latency": 0.2})
SEEN = event(
    11,
    "fault_verified",
    name="slow",
    verified=True,
    why="",
    through_ms=203.0,
    beside_ms=2.0,
    expected_ms=200.0,
)
UNSEEN = event(11, "fault_verified", name="slow", verified=False, why="200 ms are missing")
OFF = event(20, "fault_off", name="slow")
HEALED = event(20.5, "fault_healed", name="slow", healed=True, why="")
LEFT = event(30, "fault_healed", name="slow", healed=False, why="no answer")
SKIPPED = event(10, "fault_skipped", name="slow", kind="latency", link="database", why="no link")


def slow(*events, undone=False, last_s=40):
    first, other = timeline(PLAN, events, last_s * S, undone=undone)
    assert (first.name, first.kind, first.link, first.parameters) == (
        "slow",
        "latency",
        "database",
        {"latency": 0.2},
    )
    assert other.window is None
    return first


TOLD = [
    # events, window, disturbed, verified, healed
    ((ON, SEEN, OFF, HEALED), (10, 20), (9, 20.5), True, True),
    ((HEALED, OFF, SEEN, ON), (10, 20), (9, 20.5), True, True),  # in any order of lines
    ((ON, UNSEEN, OFF, HEALED), (10, 20), (9, 20.5), False, True),
    ((ON, OFF, HEALED), (10, 20), (9, 20.5), False, True),
    ((ON, SEEN, OFF, LEFT), (10, 20), (9, 20), True, False),
    ((ON, SEEN, HEALED), (10, 20.5), (9, 20.5), True, True),
    ((ON, SEEN, OFF), (10, 20), (9, 20), True, False),
    ((ON, SEEN), (10, 40), (9, 40), True, False),  # cut off: to the last sample
    ((SKIPPED,), None, None, False, None),
    ((SKIPPED, LEFT), None, None, False, False),  # half applied, and it stayed
    ((), None, None, False, None),
]


@pytest.mark.parametrize(("events", "window", "apart", "verified", "healed"), TOLD)
def test_a_fault_is_what_its_events_tell(events, window, apart, verified, healed):
    """The window is [on, off); a second before it and the healing behind it belong to nobody."""
    fault = slow(*events)

    def ns(span):
        return None if span is None else tuple(int(at * S) for at in span)

    assert (fault.window, fault.disturbed) == (ns(window), ns(apart))
    assert (fault.verified, fault.healed) == (verified, healed)


def test_what_is_missing_is_said():
    """In words that stand in a report."""
    assert slow(ON, UNSEEN, OFF, HEALED).unverified_why == "200 ms are missing"
    assert slow(ON, OFF, HEALED).unverified_why == "events.jsonl does not say that it was verified"
    assert slow(ON, SEEN, OFF, LEFT).unhealed_why == "no answer"
    assert slow(ON, SEEN).unhealed_why == "events.jsonl does not say that it was healed"
    assert slow(SKIPPED).skipped_why == "no link"
    assert slow().skipped_why == "events.jsonl does not say that it was applied"
    assert slow(ON, SEEN, OFF, HEALED).canaries == CanaryTimes(
        through_ms=203.0, beside_ms=2.0, expected_ms=200.0
    )


def test_what_the_janitor_healed_is_healed():
    """Killed in mid-fault: undo.jsonl has nothing left, though no event says when."""
    fault = slow(ON, SEEN, undone=True)

    assert (fault.healed, fault.healed_ns, fault.unhealed_why) == (True, None, "")


def test_the_first_time_counts():
    """A name is one fault."""
    assert slow(ON, event(15, "fault_on", name="slow"), OFF, HEALED).window == (10 * S, 20 * S)


def test_faults_that_only_the_events_know_are_told_too():
    """They happened, planned or not; without a plan they are all there is."""
    other = event(5, "fault_on", name="by-hand", kind="pause", link="client")

    assert [fault.name for fault in timeline(PLAN, [other], S, undone=False)] == ["slow", "cut", "by-hand"]
    (alone,) = timeline({"faults": None}, [other], 9 * S, undone=False)
    assert (alone.kind, alone.window, alone.placebo) == ("pause", (5 * S, 9 * S), False)


def test_only_faults_that_were_applied_disturb():
    """What never came spoils nothing."""
    assert disturbed([slow(SKIPPED)]) == []
    assert disturbed([slow(ON, OFF, HEALED), slow()]) == [(9 * S, int(20.5 * S))]


@pytest.mark.parametrize("undone", [False, True])
def test_what_was_not_healed_is_left_unless_the_journal_says_that_it_was_undone(undone):
    """By the janitor, or with the end of what it was on."""
    found = slow(ON, SEEN, OFF, LEFT, undone=undone)

    assert (found.healed, found.left) == (False, not undone)
