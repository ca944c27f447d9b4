"""The last seconds of a running load."""

from math import inf

import pyarrow as pa

from harness.conduct.live.last_rows import LastRows
from harness.foundation.units import NS_PER_MS, NS_PER_S


def rows(*calls: tuple[float, float, str]) -> pa.Table:
    """(when it ended, how long it took in ms, outcome)."""
    done = [int(at_s * NS_PER_S) for at_s, _, _ in calls]
    return pa.table(
        {
            "done_ns": done,
            "intended_ns": [end - int(ms * NS_PER_MS) for end, (_, ms, _) in zip(done, calls, strict=True)],
            "operation": pa.array(["tools/call:echo"] * len(calls)).dictionary_encode(),
            "outcome": pa.array([outcome for *_, outcome in calls]).dictionary_encode(),
        }
    )


def test_only_calls_that_ended_in_the_last_seconds_count() -> None:
    """What came before is the past; what is neither good nor bad is not counted."""
    recent = LastRows()
    recent.add(
        [
            rows((1, 500, "reset")),
            rows((1, 5, "ok"), (8, 10, "ok"), (9, 30, "ok"), (9, 1, "timeout"), (9, 1, "cancelled")),
        ],
        10,
    )

    found = recent.measure(10 * NS_PER_S, 3)
    assert found is not None
    assert found.success_rate == 2 / 3
    assert (found.throughput, found.failed) == (2 / 3, 1)
    assert (found.p50, round(found.p99, 1)) == (20.0, 29.8)


def test_without_calls_there_is_no_answer_and_without_good_ones_no_fast_one() -> None:
    """A percentile of nothing passes no limit."""
    recent = LastRows()
    assert recent.measure(NS_PER_S, 1) is None

    recent.add([rows((1, 5, "connect"))], NS_PER_S)
    found = recent.measure(NS_PER_S, 1)
    assert found is not None
    assert (found.success_rate, found.p50) == (0.0, inf)


def test_a_minute_is_kept_however_long_the_run() -> None:
    """Memory is bounded by the rate."""
    recent = LastRows()
    for second in range(300):
        recent.add([rows((second, 1, "ok"))], second * NS_PER_S)

    assert len(recent.kept) == 61
