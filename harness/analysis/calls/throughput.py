"""How much was asked of the server and how much it answered.

Definitions: throughput counts ok calls by their completion, offered load counts calls by their intended
start. Over the whole run both are divided by the time from the first intended start to the last completion.
In a closed load the offered rate follows the server: users who wait ask for nothing.
"""

from harness.analysis.calls.calls import OK, Calls
from harness.analysis.statistics.rounding import per_second


def span_ns(calls: Calls) -> int:
    """The time from the first intended start to the last completion, in ns; 0 without calls."""
    return int(calls.done_ns.max()) - int(calls.intended_ns[0]) if len(calls) else 0


def measure(calls: Calls, over_ns: int, not_sent: int = 0) -> dict[str, float | None]:
    """Throughput and offered load over a time; arrivals that were not sent count as offered."""
    return {
        "throughput_rps": per_second(calls.count(OK), over_ns),
        "offered_rps": per_second(len(calls) + not_sent, over_ns),
    }
