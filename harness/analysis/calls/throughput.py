"""How much was asked of the server and how much it answered.

Definitions: throughput counts ok calls by their completion, offered load counts calls by their intended
start. Over the whole run both are divided by the time from the first intended start to the last completion.
In a closed load the offered rate follows the server: users who wait ask for nothing.
"""

from harness.analysis.calls.calls import OK, Calls
from harness.analysis.statistics.rounding import per_second


def span_ns(calls: Calls) -> int:
    """From the first intended start to the last completion."""
    return int(calls.done_ns.max()) - int(calls.intended_ns[0]) if len(calls) else 0


def measure(calls: Calls, over_ns: int, not_sent: int = 0) -> dict[str, float | None]:
    """Both rates of these calls over a time; what could not be sent was offered, too."""
    return {
        "throughput_rps": per_second(calls.count(OK), over_ns),
        "offered_rps": per_second(len(calls) + not_sent, over_ns),
    }
