"""Throughput over a whole run: ok calls over the time from the first start to the last completion."""

import numpy as np

from harness.analysis.calls import throughput
from harness.analysis.calls.calls import Calls
from tests.fakes.runs import S, rows


def test_rates_are_over_the_time_in_which_there_was_load():
    """Ten calls a second apart, the last answered after 10 s: 8 of them ok."""
    intended = 100 * S + np.arange(10) * S
    calls = Calls.of(
        rows(10, intended_ns=intended, done_ns=intended + S, outcome=["ok"] * 8 + ["timeout"] * 2)
    )

    over = throughput.span_ns(calls)

    assert over == 10 * S
    assert throughput.measure(calls, over) == {"throughput_rps": 0.8, "offered_rps": 1.0}


def test_no_calls_have_no_rate():
    """Not zero: there was no time."""
    calls = Calls.of(rows(0))

    assert throughput.measure(calls, throughput.span_ns(calls)) == {
        "throughput_rps": None,
        "offered_rps": None,
    }
