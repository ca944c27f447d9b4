"""Exposure: which calls a window touched, edge by edge."""

import numpy as np
import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.faults.exposure import Exposure, exposed, touched, untouched
from tests.fakes.runs import S, rows

WINDOW = (10 * S, 20 * S)


def calls(*timed, **columns):
    """Calls of (intended, sent, done) in seconds."""
    intended, sent, done = (
        np.array([int(one[place] * S) for one in timed], dtype=np.int64) for place in range(3)
    )
    return Calls.of(rows(len(timed), intended_ns=intended, sent_ns=sent, done_ns=done, **columns))


EDGES = [
    # intended, sent, done; exposed, touched
    ((8, 8, 9.9), False, False),
    ((8, 8, 10), True, True),  # answered at the moment it came on
    ((8, 8, 30), True, True),
    ((12, 12, 13), True, True),
    ((19.9, 19.9, 25), True, True),
    ((20, 20, 21), False, False),
    ((19, 20, 21), False, True),  # open load: it had to wait until the fault was over
]


@pytest.mark.parametrize(("timed", "hit", "felt"), EDGES)
def test_a_call_is_exposed_when_it_was_on_its_way(timed, hit, felt):
    """[sent, done] against [on, off); touched counts from the intended start."""
    one = calls(timed)

    assert exposed(one, WINDOW).calls == hit
    assert len(touched(one, [WINDOW])) == felt
    assert len(untouched(one, [WINDOW])) == (not felt)


def test_connections_are_those_of_a_user_over_one_transport():
    """Four calls of one worker's user over HTTP are one; another worker's same number is another."""
    found = exposed(
        calls(
            *[(12, 12, 13)] * 7,
            worker=np.array([0, 0, 0, 0, 1, 0, 0], dtype=np.int32),
            user=np.array([5, 5, 5, 5, 5, 6, 5], dtype=np.int32),
            transport=np.array(["http"] * 6 + ["websocket"]),
        ),
        WINDOW,
    )

    assert found == Exposure(calls=7, connections=4)


@pytest.mark.parametrize(
    ("timed", "reused", "hit"),
    [
        ((12, 12, 13), False, True),
        ((12, 12, 13), True, False),
        ((8, 8, 12), False, False),  # it had its connection before
        ((8, 10, 12), False, True),
        ((20, 20, 21), False, False),
    ],
)
def test_what_acts_on_new_connections_exposes_the_calls_that_open_one(timed, reused, hit):
    """And none of those that find one open."""
    one = calls(timed, reused=np.array([reused]))

    assert exposed(one, WINDOW, new_only=True).calls == hit


def test_every_call_is_touched_or_not_and_never_both():
    """Against the definition, call by call, for random calls and several windows."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        start = rng.uniform(0, 40, 60)
        many = calls(*zip(start, start, start + rng.exponential(4, 60), strict=True))
        spans = [(int(at * S), int((at + rng.uniform(0, 8)) * S)) for at in rng.uniform(0, 40, 3)]
        expected = [
            any(s < e and begun < e and done >= s for s, e in spans)
            for begun, done in zip(many.intended_ns, many.done_ns, strict=True)
        ]

        assert len(touched(many, spans)) == sum(expected)
        assert len(untouched(many, spans)) == 60 - sum(expected)


def test_nothing_is_touched_by_nothing():
    """No call, no window."""
    assert exposed(calls(), WINDOW) == Exposure(0, 0)
    assert len(touched(calls((1, 1, 2)), [])) == 0
    assert len(untouched(calls((1, 1, 2)), [])) == 1
