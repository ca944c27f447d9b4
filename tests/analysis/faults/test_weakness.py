"""Weaknesses, by name: what each variant of the reference server looks like, and that a sound one has no name."""

from typing import Any

import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.faults.matrix import MatrixInputs, measure
from harness.analysis.faults.weakness import find
from harness.analysis.levels.steps import Step
from tests.analysis.faults.test_matrix import EVERY_S, S, impact, plan, work
from tests.fakes.events import event as happened
from tests.fakes.runs import rows as calls_of

KILL, RESTART, SLOW, CRASH = "kill-target", "restart-target", "latency-client", "kill-postgres"
NOTHING: list[float] = []
SEEN = [
    # sessions lost by each fault, entries that are missing, names
    ({KILL: 0, RESTART: 0, SLOW: 0, CRASH: 0}, NOTHING, []),
    ({KILL: 3, RESTART: 4, SLOW: 0, CRASH: 0}, NOTHING, ["sessions-in-memory"]),
    ({KILL: 0, RESTART: 0, SLOW: 0, CRASH: 9}, NOTHING, ["no-durability"]),
    ({KILL: 3, RESTART: 0, SLOW: 1, CRASH: 0}, NOTHING, ["greedy-cleanup"]),
    ({KILL: 0}, [28.5, 29.5], ["ack-before-commit"]),
    ({KILL: 0, CRASH: 5}, EVERY_S[:79], ["no-durability"]),
    ({KILL: 0}, EVERY_S[24:29], ["ack-before-commit"]),
    ({KILL: 5}, [29.5], ["ack-before-commit", "sessions-in-memory"]),
]


def named(sessions: dict[str, int], missing_s: list[float], **how: Any) -> dict[str, str]:
    impacts = [
        impact(
            name, on_ns=(at_s + 30) * S, off_ns=(at_s + 35) * S, healed_ns=(at_s + 36) * S, sessions_lost=lost
        )
        for at_s, (name, lost) in zip(range(0, 1000, 50), sessions.items(), strict=False)
    ]
    found = measure(MatrixInputs(plan(*impacts), impacts, [], [], work(EVERY_S, missing_s)))
    given: dict[str, Any] = {"calls": Calls.of(calls_of(0)), "steps": [], "events": []}
    return {one.name: one.seen for one in find(found, **(given | how))}


@pytest.mark.parametrize(("sessions", "missing_s", "names"), SEEN)
def test_a_weakness_is_named_by_what_distinguishes_it(
    sessions: dict[str, int], missing_s: list[float], names: list[str]
) -> None:
    """And a sound server has none."""
    assert list(named(sessions, missing_s)) == names


def test_what_was_seen_is_a_sentence() -> None:
    """What was lost, when, and what follows."""
    assert named({KILL: 0}, [29.5]) == {
        "ack-before-commit": "1 acknowledged entry was lost when the target was killed, and older ones were not: "
        "writes are acknowledged before they are committed"
    }
    assert named({RESTART: 7}, []) == {
        "sessions-in-memory": "7 calls found their session gone after the target was restarted: sessions are kept in "
        "the process"
    }
    assert named({RESTART: 1}, [])["sessions-in-memory"].startswith("1 call found its session gone after")
    assert "after PostgreSQL was killed" in named({KILL: 0, CRASH: 0}, EVERY_S[:79])["no-durability"]


def test_losses_that_leave_nothing_to_compare_with_have_no_name() -> None:
    """Everything is gone, and nothing of it was old: early or not kept, nobody can say."""
    early = [impact(KILL, on_ns=4 * S, off_ns=6 * S, healed_ns=7 * S)]
    found = measure(MatrixInputs(plan(*early), early, [], [], work(EVERY_S, EVERY_S[:3])))

    assert [row.outcome for row in found] == ["broke"]
    assert find(found, Calls.of(calls_of(0)), [], []) == ()


def memory(mb_a_second: list[float], *, calls_a_second: int = 50) -> dict[str, Any]:
    """Two steps of sixty seconds, and what the server held in each second of them."""
    steps = [
        Step(
            index=n,
            name=f"row-{n}",
            kind="sustain",
            users=20,
            rate=None,
            start_ns=n * 60 * S,
            end_ns=(n + 1) * 60 * S,
        )
        for n in range(2)
    ]
    count = 120 * calls_a_second
    frame = calls_of(count, intended_ns=[n * S // calls_a_second for n in range(count)])
    told, held = [], 100.0
    for second, grown in enumerate(mb_a_second):
        held = 100.0 if grown is None else held + grown
        told.append(happened(second * S, "target", {"rss_mb": held}))
    return {"calls": Calls.of(frame), "steps": steps, "events": told}


@pytest.mark.parametrize(
    ("how", "leaks"),
    [
        (memory([5.0] * 120), True),  # 100 KB a call
        (memory([5.0] * 60 + [None] + [5.0] * 59), True),  # another process, and it goes on
        (memory([0.0] * 120), False),
        (memory([30.0] + [0.0] * 59 + [None, 30.0] + [0.0] * 58), False),  # it warms up, twice
        (memory([5.0] * 60 + [0.0] * 60), False),  # in one row only
        (memory([0.5] * 120), False),  # caches
        (memory([5.0] * 120, calls_a_second=1), False),  # too few calls to say whose it is
        (memory([]), False),
    ],
)
def test_memory_that_grows_with_the_calls_is_a_leak(how: dict[str, Any], leaks: bool) -> None:
    """In at least half of the rows, and in two of them: not a server that warms up."""
    assert list(named({KILL: 0}, [], **how)) == (["slow-leak"] if leaks else [])
